"""The embedded trunk of LPIPS: its file, its gradients, its training from a teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from itportrait_core.checkpoints.format import read_header, save_model
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.perceptual import load_perceptual, load_pocket_trunk
from itportrait_core.networks.pose import PoseConfig, PoseNet
from itportrait_core.networks.trunk import Trunk, TrunkConfig
from itportrait_core.pocket.training import perceptual, real_lpips


def pictures(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1


def test_a_file_keeps_the_features(tmp_path: Path) -> None:
    trunk, x = Trunk(TrunkConfig((4, 8)), seed=4).eval(), pictures()
    file = save_model(trunk, tmp_path / "p.safetensors", family="perceptual", dtype=torch.float16)
    assert read_header(file).family == "perceptual"
    metric = load_pocket_trunk(file)
    assert metric(x, x).abs().max() < 1e-6
    for ours, theirs in zip(trunk(x), metric.trunk(x), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0.02)


def test_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    other = PoseNet(PoseConfig(input_size=32, blocks=(1, 1, 1, 1), width=8))
    file = save_model(other, tmp_path / "pose.safetensors", family="pose")
    with pytest.raises(ITPortraitError, match="does not hold a trunk"):
        load_pocket_trunk(file)


def test_single_pixels_are_seen() -> None:
    """A grid of single dark pixels, which has the mean of a plain grey, is far from that grey."""
    metric, grey = load_perceptual(), torch.zeros(1, 3, 64, 64)
    grid = grey.clone()
    grid[..., ::2, ::2], grid[..., 1::2, 1::2] = 0.3, -0.3
    assert float(metric(grid, grey)) > 3 * float(metric(grey + 0.02, grey))


def test_the_trunk_learns_what_its_teacher_sees() -> None:
    """Loss against a teacher of known features falls, and reaches every level of the trunk."""

    class Teacher:
        def features(self, images: torch.Tensor) -> list[torch.Tensor]:
            levels = [nn.functional.avg_pool2d(images, 2**k) for k in range(5)]
            widths = zip(levels, perceptual.TEACHER_WIDTHS, strict=True)
            return [x.repeat(1, width, 1, 1)[:, :width] for x, width in widths]

    pupil, x = perceptual.Pupil(0), pictures(4)
    optimizer = torch.optim.Adam(pupil.parameters(), 5e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = perceptual.teaching_loss(pupil, Teacher(), x)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(float(p.grad.abs().max()) > 0 for n, p in pupil.trunk.named_parameters() if "weight" in n)


def test_pieces_are_repeatable_and_of_one_size() -> None:
    class Looks:
        def __len__(self) -> int:
            return 9

        def images(self, index: torch.Tensor) -> torch.Tensor:
            return pictures(9, 128)[index]

    first, second = (perceptual.pieces(Looks(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == (perceptual.BATCH, 3, perceptual.SIDE, perceptual.SIDE)
    assert torch.equal(first, second) and float(first.abs().max()) > 0


def test_without_the_teacher_the_training_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(real_lpips, "PACKAGE", "no_such_package_here")
    with pytest.raises(ITPortraitError, match="pip install --no-deps stlpips-pytorch"):
        perceptual.train(tmp_path)
