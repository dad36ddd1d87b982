"""Where the picture losses look most, and how an error counts there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

KNEE = 0.3
"""Error of a pixel, of the range -1..1, above which the loss grows linearly."""


def detail(truth: Tensor) -> Tensor:
    """Weight of every pixel `[B, 1, H, W]` of pictures `[B, 3, H, W]` in [-1, 1], mean about 1: higher on
    eyes, mouths and edges than on plain areas.
    """
    rough = (truth - F.avg_pool2d(truth, 5, 1, 2, count_include_pad=False)).abs().mean(1, keepdim=True)
    rough = F.avg_pool2d(rough, 3, 1, 1)
    return 0.5 + 0.5 * rough / (rough.mean((1, 2, 3), keepdim=True) + 0.02)


def robust(gap: Tensor) -> Tensor:
    """Huber's function: square below `KNEE`, linear above, slope 1."""
    return F.smooth_l1_loss(gap, torch.zeros_like(gap), reduction="none", beta=KNEE)
