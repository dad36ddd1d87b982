"""Face identity: IR-SE50's names and numbers, and the crops that decide what it sees."""

from __future__ import annotations

import pytest
import torch
from harness.seeded_weights import error, golden, picture, read_table, weights

from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet, crop_face, identity_similarity

TABLE = "keys_ir_se50"
SMALL = IdentityConfig(input_size=64, widths=(8, 16, 24, 32), units=(1, 1, 2, 1), embedding_dim=32)


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        ours = {
            key: tuple(value.shape) for key, value in IdentityNet(IdentityConfig(), None).state_dict().items()
        }
    assert ours == {key: shape for key, shape, _ in read_table(TABLE)}


@torch.no_grad()
def test_embeddings_repeat_the_original():
    network = IdentityNet(IdentityConfig(), seed=None).eval()
    network.load_state_dict(weights(TABLE))
    expected = golden("ir_se50")
    faces = picture(9, 2, 3, 112)
    assert error(network.embedding(faces), expected["embedding_before_norm"]) < 3e-5
    embedding = network(faces)
    assert error(embedding, expected["embedding"]) < 3e-5
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    pair = picture(10, 2, 3, 256)
    assert error(crop_face(pair, "ffhq")[:, :, ::8, ::8], expected["id_crop112.stride8"]) < 1e-6
    similarity = identity_similarity(network, pair[:1], pair[1:], "ffhq")
    assert abs(float(similarity) - float(expected["id_similarity"])) < 1e-5


@pytest.mark.parametrize(
    ("frame", "size", "box"),
    [
        ("ffhq", 256, (32, 35, 220, 223)),
        ("ffhq", 1024, (128, 140, 880, 892)),
        ("eg3d", 512, (48, 5, 455, 411)),
    ],
)
def test_crop_takes_the_stated_square_at_every_size(frame, size, box):
    left, top, right, bottom = box
    image = torch.zeros(1, 3, size, size)
    image[:, :, top:bottom, left:right] = 1.0
    assert torch.equal(crop_face(image, frame), torch.ones(1, 3, 112, 112))
    image[:, :, top:bottom, left - 1] = 9.0
    image[:, :, bottom, left:right] = 9.0
    assert torch.equal(crop_face(image, frame), torch.ones(1, 3, 112, 112))


def test_small_pictures_are_enlarged_smoothly():
    face = crop_face(torch.linspace(-1, 1, 128).expand(1, 3, 128, 128), "ffhq")
    steps = face[0, 0, 50].diff()
    assert face.shape == (1, 3, 112, 112)
    assert steps[2:-2].min() > 0


def test_unknown_frames_are_refused():
    with pytest.raises(ITPortraitError, match="raw"):
        crop_face(torch.zeros(1, 3, 64, 64), "raw")


def test_every_parameter_learns():
    network = IdentityNet(SMALL, seed=0)
    faces = picture(1, 4, 3, 64)
    (network(faces) * picture(2, 4, 1, 32)[:, 0, 0]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_config_survives_json_values_and_odd_sizes_are_refused():
    assert IdentityConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ITPortraitError, match="100 px"):
        IdentityNet(IdentityConfig(input_size=100))
