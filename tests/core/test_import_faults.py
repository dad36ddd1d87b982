"""Import meets files that do not fit, are cut off or are not there: it says so and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness.official_files import eg3d_generator, rosinality_state, write_snapshot
from torch import Tensor

from itportrait_core.checkpoints.format import load_generator, load_model
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.inversion.photo_prior import load_photo_prior
from itportrait_core.networks.arcface import IdentityNet
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.encoders import StyleEncoder
from itportrait_core.networks.pose import PoseNet
from tests.core.tiny_official import CARS, ENCODER, IDENTITY, INIT, POSE, save


def broken(change: Callable[[dict], None]) -> dict[str, Tensor]:
    state = rosinality_state(8, w_dim=8, width=4, layers=1)
    change(state)
    return {"g_ema": state}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"weights": [1, 2, 3]}, "none of the known kinds"),
        ({"state_dict": {"encoder.input_layer.0.weight": torch.ones(1)}}, "no 'opts'"),
        (
            {"state_dict": {"encoder.input_layer.0.weight": torch.ones(1)}, "opts": {"encoder_type": "Mine"}},
            "encoder is of type 'Mine'",
        ),
        (
            {
                "state_dict": {
                    f"encoder.{key}": value
                    for key, value in StyleEncoder(ENCODER, seed=2).state_dict().items()
                    if key != "latent_avg"
                },
                "opts": {"encoder_type": "Encoder4Editing", "start_from_latent_avg": True},
            },
            "starts from the mean latent",
        ),
        (broken(lambda s: s.pop("conv1.activate.bias")), "b4.conv1.bias is missing"),
        (
            broken(lambda s: s.update({"conv1.activate.bias": torch.ones(9)})),
            r"has shape \(9,\) instead of \(4,\)",
        ),
        (broken(lambda s: s.update({"lora.weight": torch.ones(9)})), "lora.weight"),
        # numbers of layers that are powers of two of gigabytes
        (broken(lambda s: s.update({"to_rgbs.99999999999.bias": torch.ones(1)})), "to_rgbs.999"),
        (broken(lambda s: s.update({"convs.999999999999.conv.weight": torch.ones(1)})), "convs.999"),
        (broken(lambda s: s.update({f"noises.noise_{'9' * 30}": torch.ones(1)})), "noises.noise_999"),
        (broken(lambda s: s.update({"style.1.weight": torch.ones(1, 20_000)})), "20000 wide"),
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
