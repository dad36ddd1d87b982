"""Training of `perceptual`, the trunk of LPIPS: SqueezeNet 1.1 features that tell people and styles apart.

Only the features are shipped; the lpips package compares them with all channels weighed alike.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import Config
from ..captions import PROMPTS
from .clip import fair_labels
from .dataset import StyledSet, training_set
from .export import exporter
from .loop import LoopConfig, Trainer
from .precision import autocast
from .roughness import JUDGE, roughen

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""The scaling layer of LPIPS, which stands before the trunk."""
MEASURES = (
    "face_width", "jaw_width", "nose_length", "nose_width", "eye_size", "eye_distance", "brow_angle",
    "mouth_width", "smile", "age", "skin_tone", "iris", "light_side", "clothes",
)  # fmt: skip
"""Attributes that are read off as numbers, beside the labels of `PROMPTS`."""
BATCH = 48
TAPS = (4, 7, 12)
"""Layers whose averages help the last one to answer, so that they carry meaning too."""


@dataclass(frozen=True)
class TrunkConfig(Config):
    """What the file says about itself."""

    net: str = "squeeze"
    """The lpips package's name of the architecture."""


class Trunk(nn.Module):
    """torchvision's SqueezeNet 1.1 features, drawn from a seed."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        from torchvision.models import squeezenet1_1

        self.config = TrunkConfig()
        # torchvision draws from the global generator; fork it so that the caller's draws stay untouched
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.features = squeezenet1_1(weights=None).features

    def forward(self, x: Tensor) -> list[Tensor]:
        """Pictures [B, 3, S, S] in [-1, 1] -> maps after `TAPS`."""
        x = (x - x.new_tensor(SHIFT).view(1, 3, 1, 1)) / x.new_tensor(SCALE).view(1, 3, 1, 1)
        maps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in TAPS:
                maps.append(x)
        return maps


class Reader(nn.Module):
    """The trunk with one linear head per question; the heads are dropped afterwards."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.trunk = Trunk(seed)
        self.sizes = {name: len(labels) for name, labels in PROMPTS.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.LazyLinear(sum(self.sizes.values()) + len(MEASURES))
            self.head(torch.zeros(1, self._summary(self.trunk(torch.zeros(1, 3, 64, 64))).shape[1]))

    @staticmethod
    def _summary(maps: list[Tensor]) -> Tensor:
        pooled = [
            F.adaptive_avg_pool2d(m, 2 if i == len(maps) - 1 else 1).flatten(1) for i, m in enumerate(maps)
        ]
        return torch.cat(pooled, 1)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Logits per attribute of `PROMPTS`, and `MEASURES` [B, len(MEASURES)]."""
        out = self.head(self._summary(self.trunk(x))).float()
        parts = out.split([*self.sizes.values(), len(MEASURES)], 1)
        return dict(zip(self.sizes, parts[:-1], strict=True)), parts[-1]


def measures(data: StyledSet) -> Tensor:
    """True `MEASURES` [N, len(MEASURES)] with mean 0 and deviation 1."""
    table = torch.from_numpy(np.stack([getattr(data.people, name) for name in MEASURES], 1)).float()
    return (table - table.mean(0)) / table.std(0)


def reading_loss(
    net: Reader, data: StyledSet, labels: dict[str, Tensor], numbers: Tensor, trainer: Trainer
) -> dict[str, Tensor]:
    """How badly a random batch is read. Half of the batches are enlarged: LPIPS sees 128 pixels."""
    rng = trainer.rng
    index = torch.randint(len(data), (BATCH,), generator=rng)
    image = roughen(data.images(index), JUDGE, rng)
    if bool(torch.rand((), generator=rng) < 0.5):
        image = F.interpolate(image, size=(96, 96), mode="bilinear", align_corners=False)
    device = numbers.device
    with autocast(device.type):
        logits, read = net(image.to(device, memory_format=torch.channels_last))
    index = index.to(device)
    # mirrored pictures swap the side of the light, so that number asks for its size only
    known = numbers[index]
    side = MEASURES.index("light_side")
    known = torch.cat([known[:, :side], known[:, side : side + 1].abs(), known[:, side + 1 :]], 1)
    terms = {"measures": F.mse_loss(read, known)}
    truths = {name: labels[name][index] for name in logits}
    terms["labels"] = sum(
        (
            F.cross_entropy(logits[name], t, ignore_index=-1)
            for name, t in truths.items()
            if bool((t >= 0).any())
        ),
        start=torch.zeros((), device=device),
    )
    return terms


def train(
    folder: str | os.PathLike[str], *, minutes: float = 8.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/perceptual.safetensors`."""
    data = training_set()
    labels = {name: torch.from_numpy(truth).to(device) for name, truth in fair_labels(data).items()}
    numbers = measures(data).to(device)
    net = Reader(seed).to(device, memory_format=torch.channels_last)
    config = LoopConfig(minutes=minutes, seed=seed, average=0.996, hold=0.3)
    trainer = Trainer("perceptual", net, [{"params": list(net.parameters()), "lr": 1e-3}], folder, config)

    save = exporter(folder, "perceptual", part="trunk")
    return trainer.run(lambda t: reading_loss(net, data, labels, numbers, t), save)
