"""Where the picture losses look most, and how an error counts there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.depth import project

MOUTH = (0.0, -0.098, 0.19)
"""World point on the lips of an average head; a tenth of the head's height holds all mouths."""
MOUTH_REACH, MOUTH_GAIN = 0.12, 4.0
"""Spread of the weight about the mouth in half picture sides, and what it adds at the middle."""
KNEE = 0.3
"""Error of a pixel, of the range -1..1, above which the loss grows linearly."""


def detail(truth: Tensor) -> Tensor:
    """Weight of every pixel `[B, 1, H, W]` of pictures `[B, 3, H, W]` in [-1, 1], mean about 1: higher on
    eyes, mouths and edges than on plain areas.
    """
    rough = (truth - F.avg_pool2d(truth, 5, 1, 2, count_include_pad=False)).abs().mean(1, keepdim=True)
    rough = F.avg_pool2d(rough, 3, 1, 1)
    return 0.5 + 0.5 * rough / (rough.mean((1, 2, 3), keepdim=True) + 0.02)


def mouth(cameras: Tensor, size: int) -> Tensor:
    """Factor `[B, 1, size, size]` on that weight: a smile is few pixels, and the first thing that one misses.

    Args:
        cameras: labels `[B, 25]`.
        size: side of the pictures, pixels.
    """
    point = torch.tensor(MOUTH).to(cameras).expand(len(cameras), 1, 3)
    column, row = project(point, cameras)[:, 0, :, None].unbind(1)
    middle = (torch.arange(size).to(cameras) + 0.5) / size * 2 - 1
    across, down = ((middle - place) / MOUTH_REACH for place in (column, row))
    near = torch.exp(-0.5 * (across.square()[:, None] + down.square()[..., None]))
    return 1 + MOUTH_GAIN * near[:, None]


def robust(gap: Tensor) -> Tensor:
    """Huber's function: square below `KNEE`, linear above, slope 1."""
    return F.smooth_l1_loss(gap, torch.zeros_like(gap), reduction="none", beta=KNEE)
