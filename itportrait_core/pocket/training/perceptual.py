"""Training of `perceptual`, the embedded trunk of LPIPS: it learns to see what a real network sees.

The teacher is ST-LPIPS's VGG16 (`real_lpips.py`). At each of five levels its features must be readable from
the trunk's by one 1 x 1 convolution, which is not shipped. Both look at pieces of pictures in random looks,
so the trunk learns the grain of materials and the lines of drawings, and meets none of the named arts.
"""

from __future__ import annotations

import os

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ITPortraitError
from ...networks.trunk import Trunk, TrunkConfig
from .export import SOURCE, exporter
from .loop import LoopConfig, Trainer
from .precision import autocast
from .real_lpips import RealLPIPS
from .style_looks import LookPictures

BATCH = 12
SIDE = 64
"""Pixels of the pieces that both networks look at."""
WHOLE = 3
"""One piece in so many is a whole picture at half its size."""
TEACHER_WIDTHS = (64, 128, 256, 512, 512)
TAUGHT = "taught by the features of ST-LPIPS (BSD 2-Clause)"
"""What the file says of its teacher."""


class Pupil(nn.Module):
    """The `trunk`, which is shipped, and the convolutions that read the teacher's features from it."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.trunk = Trunk(TrunkConfig(), seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            widths = zip(self.trunk.config.widths, TEACHER_WIDTHS, strict=True)
            self.readers = nn.ModuleList(nn.Conv2d(inner, outer, 1) for inner, outer in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Pictures [B, 3, S, S] -> what the teacher may see at each level."""
        maps = [F.normalize(one, dim=1, eps=1e-5) for one in self.trunk(images)]
        return [read(one).float() for read, one in zip(self.readers, maps, strict=True)]


def pieces(looks: LookPictures, rng: torch.Generator, device: str = "cpu") -> Tensor:
    """`BATCH` pieces [B, 3, SIDE, SIDE] of random pictures, some mirrored, some blurred, some noisy; on a
    device.
    """
    images = looks.images(torch.randint(len(looks), (BATCH,), generator=rng)).to(device)
    corners = torch.randint(images.shape[-1] - SIDE + 1, (BATCH, 2), generator=rng).tolist()
    cut = [
        F.avg_pool2d(image, image.shape[-1] // SIDE) if k % WHOLE == 0 else image[:, y:, x:][:, :SIDE, :SIDE]
        for k, (image, (y, x)) in enumerate(zip(images, corners, strict=True))
    ]
    batch = torch.stack(cut)
    amounts = torch.rand(3, BATCH, 1, 1, 1, generator=rng).to(batch)
    shares = torch.tensor((0.5, 0.4, 0.4)).view(3, 1, 1, 1, 1)
    chosen = (torch.rand(3, BATCH, 1, 1, 1, generator=rng) < shares).to(batch.device)
    batch = torch.where(chosen[0], batch.flip(-1), batch)
    soft = F.avg_pool2d(batch, 3, 1, 1, count_include_pad=False)
    batch = torch.lerp(batch, soft, amounts[1] * chosen[1])
    return batch + 0.08 * amounts[2] * chosen[2] * torch.randn(batch.shape, generator=rng).to(batch)


def teaching_loss(pupil: Pupil, teacher: RealLPIPS, images: Tensor) -> Tensor:
    """What is not read of the teacher's features, as a share of their variance, summed over levels."""
    with autocast(images.device.type):
        wanted, read = teacher.features(images), pupil(images)
    total = images.new_zeros(())
    for answer, truth in zip(read, wanted, strict=True):
        target = truth.float()
        if target.shape != answer.shape:
            target = F.interpolate(target, answer.shape[-2:], mode="area")
        variance = (target - target.mean((0, 2, 3), keepdim=True)).square().sum(1).mean()
        total = total + (answer - target).square().sum(1).mean() / variance.clamp_min(1e-3)
    return total


def train(
    folder: str | os.PathLike[str],
    *,
    minutes: float = 9.0,
    seed: int = 0,
    device: str = "cpu",
    pictures: int = 16000,
) -> None:
    """Train, or continue; writes `folder/perceptual.safetensors` and a resume point.

    Args:
        folder: where the files lie.
        minutes: time budget over all resumed runs.
        seed: of the start weights and of everything drawn.
        device: where it trains.
        pictures: number of looks that are rendered once and kept.

    Raises:
        ITPortraitError: where the teacher is not installed.
    """
    try:
        teacher = RealLPIPS("vgg").to(device)
    except FileNotFoundError as error:
        raise ITPortraitError(str(error)) from error
    looks, pupil = LookPictures(pictures, seed), Pupil(seed).to(device, memory_format=torch.channels_last)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.995, clip=2.0, warmup=60)
    trainer = Trainer("perceptual", pupil, [{"params": list(pupil.parameters()), "lr": 2e-3}], folder, config)
    write = exporter(folder, "perceptual", "trunk", source=f"{SOURCE}; {TAUGHT}")
    trainer.run(
        lambda run: {"features": teaching_loss(pupil, teacher, pieces(looks, run.rng, device))},
        on_save=write,
    )
    write(trainer)
