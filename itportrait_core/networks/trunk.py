"""The embedded trunk of LPIPS: features of five levels, the first at the picture's full resolution.

Trunks that begin with a stride, such as SqueezeNet's, see neither the grain of stone nor the line of a
pen at 128 pixels, so that nothing asks a generator for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config


@dataclass(frozen=True)
class TrunkConfig(Config):
    """Sizes of the trunk."""

    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    """Channels of each level."""


class Trunk(nn.Module):
    """Two 3 x 3 convolutions per level, and averages of 2 x 2 pixels between levels."""

    def __init__(self, config: TrunkConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws its start weights, None leaves them to be loaded."""
        super().__init__()
        self.config = config
        self.levels = nn.ModuleList()
        for inputs, outputs in zip((3, *config.widths), config.widths, strict=False):
            layers = [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU()]
            self.levels.append(nn.Sequential(*layers))
        rng = torch.Generator().manual_seed(seed or 0)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and seed is not None:
                nn.init.kaiming_normal_(module.weight, generator=rng)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Pictures [B, 3, S, S] in [-1, 1] -> maps [B, width, S / 2^k, S / 2^k] of level k = 0, 1, ..."""
        maps = []
        for index, level in enumerate(self.levels):
            images = level(images if index == 0 else F.avg_pool2d(images, 2))
            maps.append(images)
        return maps
