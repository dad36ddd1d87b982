"""Small random moves of pictures before CLIP sees them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ZOOM = (0.9, 1.2)
"""Smallest and largest magnification."""
SHIFT = 0.15
"""Largest move to either side, in halves of the picture's side."""


def random_nudge(rng: torch.Generator) -> Tensor:
    """A magnification and a move: affine map [2, 3] for `nudged`.

    A generator that is trained on one CLIP finds pixels that please this network alone. They have to sit on
    its patches; nudged pictures ask for what is seen wherever the patches lie.
    """
    zoom, right, down = torch.rand(3, generator=rng).tolist()
    scale = 1 / (ZOOM[0] + (ZOOM[1] - ZOOM[0]) * zoom)
    move = [SHIFT * (2 * part - 1) for part in (right, down)]
    return torch.tensor([[scale, 0.0, move[0]], [0.0, scale, move[1]]])


def nudged(images: Tensor, nudge: Tensor) -> Tensor:
    """Pictures [B, 3, H, W], all moved alike; edges are continued."""
    grid = F.affine_grid(
        nudge.to(images).expand(len(images), -1, -1), list(images.shape), align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
