"""Face pose: Deep3DFaceRecon's names and numbers at full size, and a small network for the pose alone."""

from __future__ import annotations

import pytest
import torch
from harness.seeded_weights import error, golden, picture, read_table, weights

from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.pose import POSE_HEADS, PoseConfig, PoseNet

TABLE = "keys_deep3dfacerecon_net_recon"
SMALL = PoseConfig(input_size=64, blocks=(1, 1, 1, 1), width=8, heads=POSE_HEADS)


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        ours = {key: tuple(value.shape) for key, value in PoseNet(PoseConfig(), None).state_dict().items()}
    assert ours == {key: shape for key, shape, _ in read_table(TABLE)}


@torch.no_grad()
def test_coefficients_repeat_the_original():
    network = PoseNet(PoseConfig(), seed=None).eval()
    network.load_state_dict(weights(TABLE))
    expected = golden("deep3d_recon")
    image = picture(8, 2, 3, 224)
    coefficients = network((image + 1) / 2)
    assert error(coefficients, expected["output"]) < 2e-5
    angles, translation = network.pose(image)
    assert error(angles, expected["output"][:, 224:227]) < 2e-5
    assert error(translation, expected["output"][:, 254:257]) < 2e-5


@torch.no_grad()
def test_a_small_network_gives_angles_and_translation_for_any_picture_size():
    network = PoseNet(SMALL, seed=1).eval()
    angles, translation = network.pose(picture(1, 3, 3, 128))
    assert angles.shape == translation.shape == (3, 3)
    assert torch.equal(torch.cat([angles, translation], 1), network(_small(picture(1, 3, 3, 128))))


def _small(image: torch.Tensor) -> torch.Tensor:
    half = torch.nn.functional.interpolate(image, (64, 64), mode="bilinear", antialias=True)
    return (half + 1) / 2


def test_every_parameter_learns_and_the_global_generator_is_not_touched():
    before = torch.get_rng_state()
    network = PoseNet(SMALL, seed=2)
    assert torch.equal(before, torch.get_rng_state())
    torch.cat(network.pose(picture(2, 2, 3, 64)), dim=1).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_config_survives_json_values():
    assert PoseConfig.from_dict({**SMALL.to_dict(), "heads": [list(head) for head in POSE_HEADS]}) == SMALL


def test_heads_without_a_pose_are_refused():
    with pytest.raises(ITPortraitError, match="translation_z"):
        PoseNet(PoseConfig(heads=(("angles", 3), ("translation_xy", 2))))
