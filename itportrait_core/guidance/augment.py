"""Random zoom and shift of pictures before CLIP embeds them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ZOOM = (0.9, 1.2)
"""Smallest and largest magnification."""
SHIFT = 0.15
"""Largest move to either side, in halves of the picture's side."""


def draw_augmentation(rng: torch.Generator) -> Tensor:
    """A random zoom and shift as an affine map [2, 3] for `augment`.

    A generator that is trained on one CLIP finds pixels that please this network alone. They have to sit on
    its patches; augmented pictures ask for a change that is there wherever the patches lie.
    """
    zoom, right, down = torch.rand(3, generator=rng).tolist()
    scale = 1 / (ZOOM[0] + (ZOOM[1] - ZOOM[0]) * zoom)
    move = [SHIFT * (2 * part - 1) for part in (right, down)]
    return torch.tensor([[scale, 0.0, move[0]], [0.0, scale, move[1]]])


def augment(images: Tensor, affine: Tensor) -> Tensor:
    """Pictures [B, 3, H, W], all moved alike; edges are continued."""
    grid = F.affine_grid(
        affine.to(images).expand(len(images), -1, -1), list(images.shape), align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
