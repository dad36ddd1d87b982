"""Import of official checkpoints: every format becomes a file that loads, says what it is, and gives the same
numbers as the network that it was written from."""

from __future__ import annotations

import hashlib
import lzma

import pytest
import torch
from harness.official_files import PLANE_AXES, eg3d_generator, persistent, rosinality_state, write_snapshot
from harness.seeded_weights import DATA, picture
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from itportrait_core.__main__ import main
from itportrait_core.checkpoints.format import load_generator, load_model, read_header
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.checkpoints.official_generators import plane_axes
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.arcface import IdentityNet
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from tests.core.tiny_official import CARS, ENCODER, IDENTITY, INIT, POSE, save


def same_state(network: nn.Module, expected: dict[str, Tensor]) -> None:
    found = network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("name", ["tiny_torch111", "tiny_torch212"])
def test_an_official_pickle_loads_and_renders(tmp_path, name):
    source = tmp_path / "cars.pkl"
    source.write_bytes(lzma.decompress((DATA / "eg3d_pickle" / f"{name}.pkl.xz").read_bytes()))
    (path,) = import_checkpoint(source, tmp_path / "cars.safetensors")
    header = read_header(path)
    assert header.family == "eg3d" and header.format_version == "1" and header.source == "cars.pkl"
    assert header.lineage["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert "non-commercial" in header.license
    assert header.config["plane_axes"] == [[0, 1], [0, 2], [2, 0]]
    assert header.config["rendering"]["white_back"] is True
    generator = load_generator(path)
    assert generator.config.rendering.ray_start == "auto"
    assert (generator.neural_rendering_resolution, generator.resolution, generator.num_ws) == (64, 128, 6)


@torch.no_grad()
def test_eg3d_comes_back_bit_for_bit_with_all_its_settings(tmp_path):
    generator = EG3DGenerator(CARS, seed=3)
    source = write_snapshot(tmp_path / "net.pkl", G_ema=eg3d_generator(generator, INIT))
    (path,) = import_checkpoint(source, tmp_path / "out.safetensors")
    loaded = load_generator(path)
    assert loaded.config == CARS
    same_state(loaded, generator.state_dict())


def test_bare_eg3d_weights_come_in_without_a_pickle(tmp_path):
    """A state dict in safetensors under the published names; a second import replaces nothing."""
    state = {name: value.contiguous() for name, value in EG3DGenerator(CARS, seed=3).state_dict().items()}
    save_file(state, tmp_path / "cars.safetensors")
    first = import_checkpoint(tmp_path / "cars.safetensors", f"{tmp_path}/out/")[0]
    second = import_checkpoint(tmp_path / "cars.safetensors", f"{tmp_path}/out/")[0]
    assert (first.name, second.name) == ("cars.safetensors", "cars_00001.safetensors")
    for path in (first, second):
        loaded = load_generator(path)
        same_state(loaded, state)
        assert (loaded.resolution, loaded.neural_rendering_resolution) == (128, 64)
        assert loaded.config.rendering.box_warp == 1.6 and "assumed" in read_header(path).lineage
    with pytest.raises(ITPortraitError, match="is there already"):
        import_checkpoint(tmp_path / "cars.safetensors", first)


def test_the_attribute_outranks_the_constructor_arguments(tmp_path):
    generator = EG3DGenerator(CARS, seed=3)
    stored = eg3d_generator(generator, INIT, resolution=32)
    stored.meta["state"]["rendering_kwargs"]["depth_resolution"] = 11
    source = write_snapshot(tmp_path / "net.pkl", G_ema=stored)
    config = load_generator(import_checkpoint(source, tmp_path / "out")[0]).config
    assert config.neural_rendering_resolution == 32
    assert config.rendering.depth_resolution == 11


def test_planes_of_forks_are_recognised_by_their_matrices(tmp_path):
    yz = (*PLANE_AXES[:2], ((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    source = write_snapshot(tmp_path / "n.pkl", G_ema=eg3d_generator(EG3DGenerator(CARS), INIT, axes=yz))
    header = read_header(import_checkpoint(source, tmp_path / "out")[0])
    assert header.config["plane_axes"] == [[0, 1], [0, 2], [1, 2]]
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    for matrices in (PLANE_AXES, yz):
        projected = points @ torch.linalg.inv(torch.tensor(matrices, dtype=torch.float32))
        for plane, (u, v) in zip(
            projected, plane_axes(torch.tensor(matrices, dtype=torch.float32)), strict=True
        ):
            torch.testing.assert_close(plane[:, :2], points[:, [u, v]])
    with pytest.raises(ITPortraitError, match="parallel"):
        plane_axes(torch.full((3, 3, 3), 0.5))


def test_discriminators_are_taken_on_request_only(tmp_path):
    critic = nn.Linear(3, 2)
    networks = {
        "G_ema": eg3d_generator(EG3DGenerator(CARS), INIT),
        "D": persistent(critic, "DualDiscriminator"),
    }
    source = write_snapshot(tmp_path / "n.pkl", **networks)
    assert len(import_checkpoint(source, tmp_path / "one.safetensors")) == 1
    _, path = import_checkpoint(source, tmp_path / "two.safetensors", discriminator=True)
    assert path.name == "two-discriminator.safetensors"
    assert read_header(path).family == "eg3d_discriminator"
    assert torch.equal(load_file(path)["weight"], critic.weight)
    with pytest.raises(ITPortraitError, match="hold a discriminator"):
        import_checkpoint(
            save(tmp_path / "a.pth", {"features.0.weight": torch.ones(1)}), tmp_path, discriminator=True
        )


def test_stylegan2_ada_keeps_its_clamp(tmp_path):
    config = StyleGAN2Config(24, 0, 24, 16, channel_base=128, channel_max=8, mapping_layers=3, conv_clamp=256)
    generator = StyleGAN2Generator(config, seed=1)
    stored = persistent(generator, "Generator")
    layer = stored.meta["state"]["_modules"]["synthesis"]
    for name in ("b4", "conv1"):
        layer = layer.meta["state"]["_modules"][name]
    layer.meta["state"]["conv_clamp"] = 256
    (path,) = import_checkpoint(write_snapshot(tmp_path / "ffhq.pkl", G_ema=stored), tmp_path / "out")
    loaded = load_model(path)
    assert loaded.config == config
    same_state(loaded, generator.state_dict())


@torch.no_grad()
def test_rosinality_and_nvidia_files_give_one_picture(tmp_path):
    state = rosinality_state(16, w_dim=24, width=8, layers=3)
    source = save(tmp_path / "stylegan2.pt", {"g_ema": state, "latent_avg": torch.full((24,), 0.5)})
    first = load_model(import_checkpoint(source, tmp_path / "a")[0])
    source = write_snapshot(tmp_path / "again.pkl", G_ema=persistent(first, "Generator"))
    second = load_model(import_checkpoint(source, tmp_path / "b")[0])
    assert second.config == first.config
    assert torch.equal(first.mapping.w_avg, torch.full((24,), 0.5))
    z = torch.randn(2, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first(z, truncation_psi=0.7), second(z, truncation_psi=0.7))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("e4e", "Encoder4Editing"),
        ("psp", "GradualStyleEncoder"),
        ("restyle_psp", "BackboneEncoder"),
        ("restyle_e4e", "ProgressiveBackboneEncoder"),
    ],
)
@torch.no_grad()
def test_encoders_of_all_kinds_come_with_their_generator_and_mean(tmp_path, kind, name):
    iterative = kind.startswith("restyle")
    config = StyleEncoderConfig(
        **{**ENCODER.to_dict(), "kind": kind, "input_channels": 6 if iterative else 3}
    )
    encoder = StyleEncoder(config, seed=2).eval()
    encoder.latent_avg.copy_(torch.arange(8.0)[:, None].expand(8, 24))
    state = {f"encoder.{key}": value for key, value in encoder.state_dict().items() if key != "latent_avg"}
    decoder = rosinality_state(32, w_dim=24, width=8, layers=2)
    state |= {f"decoder.{key}": value for key, value in decoder.items()}
    options = {
        "encoder_type": name,
        "stylegan_size": 32,
        "n_iters_per_batch": 4,
        "device": torch.device("cpu"),
    }
    content = {"state_dict": state, "latent_avg": encoder.latent_avg, "opts": options}
    content["optimizer"] = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4}]}
    paths = import_checkpoint(save(tmp_path / "e.pt", content), tmp_path / "enc.safetensors")
    assert [path.name for path in paths] == ["enc.safetensors", "enc-generator.safetensors"]
    loaded, generator = (load_model(path) for path in paths)
    assert (loaded.config.kind, loaded.config.steps) == (kind, 4)
    assert (loaded.config.coarse_count, loaded.config.middle_count) == ((0, 0) if iterative else (3, 4))
    same_state(loaded, encoder.state_dict())
    x = picture(1, 1, config.input_channels, 64)
    assert torch.equal(loaded(x), encoder(x))
    assert generator.num_ws == 8
    torch.testing.assert_close(generator.mapping.w_avg, torch.full((24,), 3.5))
    header = read_header(paths[0])
    assert header.lineage["opts"]["stylegan_size"] == 32 and "non-commercial" in header.license


@pytest.mark.parametrize("average", [torch.ones(24), torch.ones(1, 24), None])
def test_means_of_every_shape_are_accepted(tmp_path, average):
    encoder = StyleEncoder(ENCODER, seed=2)
    state = {f"encoder.{key}": value for key, value in encoder.state_dict().items() if key != "latent_avg"}
    content = {"state_dict": state, "latent_avg": average, "opts": {"encoder_type": "Encoder4Editing"}}
    (path,) = import_checkpoint(save(tmp_path / "e.pt", content, zipped=False), tmp_path / "out")
    assert torch.equal(load_model(path).latent_avg, torch.full((8, 24), 0.0 if average is None else 1.0))


@pytest.mark.parametrize("around", [lambda state: state, lambda state: {"state_dict": state}])
def test_names_from_a_training_on_several_cards_are_read(tmp_path, around):
    """DistributedDataParallel puts `module.` before every name."""
    identity = IdentityNet(IDENTITY, seed=1).eval()
    state = {f"module.{key}": value for key, value in identity.state_dict().items()}
    same_state(load_model(import_checkpoint(save(tmp_path / "ir.pth", around(state)), tmp_path / "out")[0]),
               identity.state_dict())  # fmt: skip


@torch.no_grad()
def test_pose_and_identity_files(tmp_path):
    pose = PoseNet(POSE, seed=1).eval()
    content = {"net_recon": pose.state_dict(), "opt_00": {"state": {}}, "sched_00": {"last_epoch": 20}}
    loaded = load_model(import_checkpoint(save(tmp_path / "epoch_20.pth", content), tmp_path / "pose")[0])
    assert loaded.config == pose.config
    same_state(loaded, pose.state_dict())
    identity = IdentityNet(IDENTITY, seed=1).eval()
    state = identity.state_dict()
    content = {key: value for key, value in state.items() if "num_batches" not in key}  # as very old files
    loaded = load_model(
        import_checkpoint(save(tmp_path / "ir.pth", content, False), tmp_path / "identity")[0]
    )
    assert loaded.config == identity.config
    same_state(loaded, state)


def test_torchvision_trunks_keep_their_convolutions(tmp_path):
    shapes = {
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    }
    state = {f"features.{n}.weight": torch.randn(shape) for n, shape in shapes.items()}
    state |= {f"features.{n}.bias": torch.randn(shape[0]) for n, shape in shapes.items()}
    content = state | {"classifier.1.weight": torch.zeros(2, 2)}
    (path,) = import_checkpoint(save(tmp_path / "alexnet.pth", content, zipped=False), tmp_path / "trunk")
    found = load_file(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert read_header(path).config == {"net": "alex"}
    del content["features.10.bias"]
    with pytest.raises(ITPortraitError, match="other than VGG16"):
        import_checkpoint(save(tmp_path / "other.pth", content), tmp_path / "other")


def test_the_command_imports_into_a_folder_and_says_the_licence(tmp_path, capsys):
    source = save(tmp_path / "stylegan2.pt", {"g_ema": rosinality_state(8, w_dim=8, width=4)})
    assert main(["import", str(source), f"{tmp_path}/models/"]) == 0
    said = capsys.readouterr().out
    assert "models/stylegan2.safetensors" in said.replace("\\", "/") and "non-commercial" in said
    assert main(["import", str(tmp_path / "absent.pkl"), str(tmp_path / "x")]) == 1
    assert "absent.pkl" in capsys.readouterr().err
