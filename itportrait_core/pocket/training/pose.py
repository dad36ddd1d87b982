"""Training of `pose`: photo -> angles and translation in Deep3DFaceRecon's convention, as `PoseNet` speaks
it.

It sees photos only (docs/checkpoints.md#deep3dfacerecon): the true renders, turned, moved and lit a little
differently.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.pose import POSE_HEADS, PoseConfig, PoseNet
from ...rendering import cameras
from .appearance import blur, grain, tone, uniform
from .export import exporter
from .loop import LoopConfig, Trainer
from .muon import parameter_groups
from .pictures import SMALL, PictureSet, training_photos
from .precision import autocast
from .warps import random_move

CONFIG = PoseConfig(input_size=64, blocks=(1, 2, 2), width=24, heads=POSE_HEADS)
ROLL = 12.0  # degrees; largest turn of training pictures
BATCH = 48


def vary(x: Tensor, rng: torch.Generator) -> Tensor:
    """Light and sharpness as they differ between photos and generated photos."""
    out = x.clone()
    for change, share in ((tone, 0.3), (blur, 0.4), (grain, 0.2)):
        chosen = torch.nonzero(torch.rand(x.shape[0], generator=rng) < share).flatten().to(x.device)
        if len(chosen):
            amount = uniform(out[chosen], 0.0, 0.5, rng)
            out[chosen] = torch.lerp(out[chosen], change(out[chosen], rng), amount).clamp(-1, 1)
    return out


def pose_loss(net: PoseNet, image: Tensor, label: Tensor) -> Tensor:
    """Robust error of angles (in units of 5 degrees) and of the translation."""
    angles, translation = (part.to(label) for part in cameras.to_deep3d(label))
    guess, place = net.pose(image)
    scale = torch.deg2rad(torch.tensor(5.0))
    return F.smooth_l1_loss(guess.float() / scale, angles / scale) + F.smooth_l1_loss(
        place.float(), translation
    )


def training_batch(
    photos: PictureSet, rng: torch.Generator, device: str = "cpu", size: int = BATCH
) -> tuple[Tensor, Tensor]:
    """Moved photos `[B, 3, S, S]` at the size of the network and their labels `[B, 25]`, on a device."""
    index = torch.randint(len(photos), (size,), generator=rng)
    image, roll = random_move(photos.images(index, CONFIG.input_size).to(device), rng, roll=ROLL)
    yaw, pitch, _ = cameras.angles(photos.cameras[index])
    return vary(image, rng), cameras.orbit(yaw, pitch, roll).to(device)


def train(
    folder: str | os.PathLike[str], *, minutes: float = 12.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/pose.safetensors`."""
    photos = training_photos(SMALL)
    net = PoseNet(CONFIG, seed).to(device, memory_format=torch.channels_last)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.995, hold=0.3)
    trainer = Trainer("pose", net, parameter_groups(net, 3e-3), folder, config)

    def loss(trainer: Trainer) -> dict[str, Tensor]:
        image, label = training_batch(photos, trainer.rng, device)
        image = image.contiguous(memory_format=torch.channels_last)
        with autocast(device):
            return {"pose": pose_loss(net, image, label)}

    def inputs() -> Iterator[Tensor]:
        rng = torch.Generator().manual_seed(seed)
        for _ in range(16):
            yield (training_batch(photos, rng, device)[0] + 1) / 2

    return trainer.run(loss, exporter(folder, "pose", inputs=inputs))
