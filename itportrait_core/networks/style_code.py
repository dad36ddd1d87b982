"""From a style picture to its code: one pass of a small convolutional network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 128
"""Side in pixels at which pictures are read."""
CELLS = 16
"""Cells per side of the grid on which colours are read."""
WIDTHS = (32, 64, 128, 192, 192)
"""Channels after each halving of the side."""


class StyleCodeEncoder(nn.Module):
    """Picture [B, 3, H, W] in [-1, 1] -> code [B, K].

    Faces are aligned, so colours are read by place, on a grid of cells. Mean and spread of the features of
    four levels say what materials and strokes are, wherever they are; the coarsest level, kept by place, says
    what the shape of eyes, nose, jaw and ears is.
    """

    def __init__(self, code_dim: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for inputs, outputs in zip((3, *widths), widths, strict=False):
            layers = [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.SiLU()]
            if outputs >= 128:
                layers += [nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.SiLU()]
            self.levels.append(nn.Sequential(*layers))
        self.place = nn.Conv2d(widths[-1], 48, 1)
        pooled = 2 * sum(widths[-4:]) + 6 + 3 * CELLS**2
        side = SIDE >> len(widths)
        self.head = nn.Sequential(
            nn.Linear(pooled + 48 * side * side, 384), nn.SiLU(), nn.Linear(384, 384), nn.SiLU(),
            nn.Linear(384, code_dim),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """Read at `SIDE` pixels."""
        x = fit(image)
        parts = [*spread(x), F.avg_pool2d(x, SIDE // CELLS).flatten(1)]
        for index, level in enumerate(self.levels):
            x = level(x)
            if index >= len(self.levels) - 4:
                parts += spread(x)
        parts.append(self.place(x).flatten(1))
        return self.head(torch.cat(parts, dim=1))


def fit(image: Tensor) -> Tensor:
    """The picture at `SIDE` pixels."""
    if image.shape[-1] == SIDE == image.shape[-2]:
        return image
    return F.interpolate(image, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def spread(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [B, C] of every channel."""
    return x.mean((2, 3)), x.flatten(2).std(2)
