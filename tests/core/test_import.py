"""Import of official checkpoints: every format becomes a file that loads, says what it is, and gives the same
numbers as the network that it was written from."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness.official_files import PLANE_AXES, eg3d_generator, persistent, rosinality_state, write_snapshot
from harness.seeded_weights import DATA, picture
from safetensors.torch import load_file
from torch import Tensor, nn

from itportrait_core.__main__ import main
from itportrait_core.checkpoints.format import load_generator, load_model, read_header
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.checkpoints.official_generators import plane_axes
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.photo_twin import load_photo_prior
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import SUPERRESOLUTION, EG3DConfig, RenderingConfig
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

INIT = {
    "z_dim": 16,
    "c_dim": 25,
    "w_dim": 512,
    "img_resolution": 128,
    "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2},
    "channel_base": 128,
    "channel_max": 8,
    "num_fp16_res": 0,
    "sr_num_fp16_res": 4,
    "conv_clamp": None,
    "rendering_kwargs": {
        "superresolution_module": "training.superresolution.SuperresolutionHybrid2X",
        "depth_resolution": 6,
        "depth_resolution_importance": 6,
        "ray_start": 0.1,
        "ray_end": 2.6,
        "box_warp": 1.6,
        "white_back": True,
        "c_gen_conditioning_zero": True,
        "c_scale": 1.0,
        "sr_antialias": True,
        "decoder_lr_mul": 1.0,
        "avg_camera_radius": 1.7,
        "avg_camera_pivot": [0, 0, 0],
        "density_reg": 0.25,
        "gpc_reg_prob": None,
    },
}
CARS = EG3DConfig(
    z_dim=16,
    backbone_resolution=16,
    channel_base=128,
    channel_max=8,
    neural_rendering_resolution=64,
    superresolution=SUPERRESOLUTION["SuperresolutionHybrid2X"],
    rendering=RenderingConfig(
        depth_resolution=6,
        depth_resolution_importance=6,
        ray_start=0.1,
        ray_end=2.6,
        box_warp=1.6,
        white_back=True,
        c_gen_conditioning_zero=True,
        avg_camera_radius=1.7,
        avg_camera_pivot=(0, 0, 0),
    ),
)
ENCODER = StyleEncoderConfig(
    input_size=64, widths=(16, 24, 32, 40), units=(1, 1, 2, 1), style_count=8, code_dim=24, style_width=24
)


POSE = PoseConfig(blocks=(1, 2, 1, 1), width=8)
IDENTITY = IdentityConfig(64, (8, 16, 24, 32), (1, 1, 2, 1), 16)


def save(path: Path, value: Any, zipped: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


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


def broken(change: Callable[[dict], None]) -> dict[str, Tensor]:
    state = rosinality_state(8, w_dim=8, width=4, layers=1)
    change(state)
    return {"g_ema": state}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"weights": [1, 2, 3]}, "none of the known kinds"),
        ({"state_dict": {"encoder.input_layer.0.weight": torch.ones(1)}}, "encoder is of type None"),
        (broken(lambda s: s.pop("conv1.activate.bias")), "b4.conv1.bias is missing"),
        (
            broken(lambda s: s.update({"conv1.activate.bias": torch.ones(9)})),
            r"has shape \(9,\) instead of \(4,\)",
        ),
        (broken(lambda s: s.update({"lora.weight": torch.ones(9)})), "lora.weight"),
    ],
)
def test_unknown_and_unfitting_files_are_refused_and_leave_nothing(tmp_path, content, said):
    source = save(tmp_path / "file.pt", content)
    with pytest.raises(ITPortraitError, match=said):
        import_checkpoint(source, tmp_path / "out" / "x.safetensors")
    assert [path.name for path in tmp_path.rglob("*")] == ["file.pt"]


def altered(values: dict[str, Any], random: np.random.RandomState) -> dict[str, Any]:
    """A copy with one value left out or replaced."""
    name = sorted(values)[random.randint(len(values))]
    other = [torch.ones(3), torch.ones(2, 2, 2, 2), 7, "text", None, {}, []][random.randint(7)]
    rest = {key: value for key, value in values.items() if key != name}
    return rest if other is None else rest | {name: other}


def altered_file(folder: Path, kind: str, random: np.random.RandomState) -> Path:
    if kind == "eg3d":
        stored = eg3d_generator(EG3DGenerator(CARS, seed=None), INIT)
        state = stored.meta["state"]
        part = ("_init_kwargs", "rendering_kwargs", "_modules", "_init_kwargs")[random.randint(4)]
        stored.meta["state"] = state | {part: altered(state[part], random)}
        return write_snapshot(folder / "file.pkl", G_ema=stored)
    if kind == "encoder":
        state = {
            f"encoder.{key}": value for key, value in StyleEncoder(ENCODER, seed=None).state_dict().items()
        }
        state.pop("encoder.latent_avg")
        options = {"encoder_type": "Encoder4Editing", "n_iters_per_batch": 5}
        content = {"state_dict": state, "opts": options, "latent_avg": torch.ones(24)}
        part = ("state_dict", "opts", None)[random.randint(3)]
        content = (
            altered(content, random) if part is None else content | {part: altered(content[part], random)}
        )
    elif kind == "stylegan2":
        content = {"g_ema": altered(rosinality_state(8, w_dim=8, width=4), random)}
    elif kind == "pose":
        content = {"net_recon": altered(PoseNet(POSE, seed=None).state_dict(), random)}
    else:
        content = altered(IdentityNet(IDENTITY, seed=None).state_dict(), random)
    return save(folder / "file.pt", content)


@pytest.mark.parametrize("kind", ["stylegan2", "encoder", "pose", "identity", "eg3d"])
def test_altered_files_are_refused_in_words_or_still_load(tmp_path, kind):
    random = np.random.RandomState(1)
    for number in range(10):
        source = altered_file(tmp_path, kind, random)
        try:
            (path,) = import_checkpoint(source, tmp_path / f"out{number}")
        except ITPortraitError:
            assert not (tmp_path / f"out{number}.safetensors").exists()
        else:
            load_model(path)


def test_progress_is_told_and_an_exception_from_it_stops_the_import_cleanly(tmp_path):
    source = save(tmp_path / "stylegan2.pt", {"g_ema": rosinality_state(16, w_dim=24, width=8)})
    told: list[tuple[int, int]] = []
    import_checkpoint(source, tmp_path / "out", on_progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        import_checkpoint(source, tmp_path / "second", on_progress=cancel)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.safetensors", "stylegan2.pt"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of Unix")
def test_files_may_be_read_by_whoever_may_read_other_files(tmp_path):
    source = save(tmp_path / "stylegan2.pt", {"g_ema": rosinality_state(8, w_dim=8, width=4)})
    (path,) = import_checkpoint(source, tmp_path / "out")
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_command_imports_into_a_folder_and_says_the_licence(tmp_path, capsys):
    source = save(tmp_path / "stylegan2.pt", {"g_ema": rosinality_state(8, w_dim=8, width=4)})
    assert main(["import", str(source), f"{tmp_path}/models/"]) == 0
    said = capsys.readouterr().out
    assert "models/stylegan2.safetensors" in said.replace("\\", "/") and "non-commercial" in said
    assert main(["import", str(tmp_path / "absent.pkl"), str(tmp_path / "x")]) == 1
    assert "absent.pkl" in capsys.readouterr().err


def test_files_of_version_1_load_forever():
    """Written by the first release; whatever becomes of the format, this file must load and mean the same."""
    folder = DATA / "format"
    generator = load_generator(folder / "version1.safetensors")
    expected = json.loads((folder / "version1.json").read_text())
    assert generator.config.to_dict() == EG3DConfig.from_dict(expected["config"]).to_dict()
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ws = generator.double().mapping(z)
    torch.testing.assert_close(ws[0, 0, :4].tolist(), expected["ws"], atol=1e-6, rtol=1e-6)
    planes = generator.planes(ws)
    torch.testing.assert_close(planes[0, :, 0, 3, 3].tolist(), expected["planes"], atol=1e-5, rtol=1e-5)


def test_other_versions_are_refused(tmp_path):
    data = (DATA / "format" / "version1.safetensors").read_bytes()
    changed = data.replace(b'"format_version":"1"', b'"format_version":"9"')
    assert changed != data
    (tmp_path / "future.safetensors").write_bytes(changed)
    with pytest.raises(ITPortraitError, match="format version '9'"):
        load_generator(tmp_path / "future.safetensors")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (
            lambda: load_generator("absent.safetensors"),
            ("ffhqrebalanced512-128.pkl", "NGC", "non-commercial"),
        ),
        (lambda: load_perceptual("absent.pth"), ("vgg16-397923af.pth", "torchvision", "BSD")),
        (lambda: load_clip("absent.pt"), ("ViT-B-32.pt", "MIT")),
        (lambda: load_photo_prior({"generator": "g", "encoder": "e"}), ("epoch_20.pth", "Basel Face Model")),
        (lambda: load_photo_prior({"generator": "g", "pose": "p"}), ("e4e_ffhq_encode.pt", "non-commercial")),
    ],
)
def test_missing_files_say_in_one_line_what_to_get_where_to_put_it_and_on_which_terms(load, words):
    with pytest.raises(ITPortraitError) as caught:
        load()
    said = str(caught.value)
    assert "\n" not in said and "models/itportrait" in said
    assert all(word in said for word in words)
