"""Several fields as one: densities add up by their weights, colours by the light that each stops."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

EMPTY = 1e-12
"""Density below which a mixture counts as empty."""
FAINT = 1e-6
"""Density that every field is given in the mean of colours, so that empty space has one too."""
SNAP = 1 / 256
"""Weights this near to 0 or 1 are 0 or 1: a grid is never read to the last bit."""


def snapped(weights: Tensor) -> Tensor:
    """Weights stretched a little, so that nearly 0 and nearly 1 become exactly that."""
    return ((weights - SNAP) / (1 - 2 * SNAP)).clamp(0.0, 1.0)


def with_rest(weights: Tensor) -> Tensor:
    """Weights `[K - 1, ...]` of the upper layers -> of all `[K, ...]`, summing to 1, the lowest first.

    Where the upper ones exceed 1 together they are scaled down.
    """
    total = weights.sum(dim=0, keepdim=True)
    upper = weights / total.clamp_min(1.0)
    return torch.cat([(1.0 - total).clamp_min(0.0), upper])


def read_grid(grid: Tensor, points: Tensor, side: float) -> Tensor:
    """What grids `[K, Z, Y, X]` of weights over the box hold at points `[B, N, 3]`: `[K, B, N, 1]`, snapped.

    Points beyond the box read its border.
    """
    places = (points * (2.0 / side)).reshape(1, 1, 1, -1, 3)
    read = F.grid_sample(
        grid[None].to(points), places, mode="bilinear", padding_mode="border", align_corners=False
    )
    return snapped(read.reshape(grid.shape[0], *points.shape[:2], 1))


def mix_densities(weights: Tensor, sigma: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The raw density of a mixture, and the share of each field in its colours.

    The renderer's density is `softplus(raw - 1)`; that is what mixes: `d = sum w_k d_k`, with the shares
    `w_k d_k / d`. Where one weight is 1 the result is that field's, bit for bit.

    Args:
        weights: `[K, B, N, 1]`, summing to 1.
        sigma: raw densities `[B, N, 1]` of the K fields.

    Returns:
        `[B, N, 1]` and `[K, B, N, 1]`.
    """
    raw = torch.stack(list(sigma))
    parts = weights * F.softplus(raw - 1.0)
    density = parts.sum(dim=0)
    linear = (weights * raw).sum(dim=0)
    plain = (weights == 1.0).any(dim=0) | (density < EMPTY)
    solid = density.clamp_min(EMPTY)
    mixed = torch.where(plain, linear, 1.0 + solid + torch.log(-torch.expm1(-solid)))
    shares = (parts + FAINT * weights) / (density + FAINT)
    return mixed, torch.where((weights == 1.0).any(dim=0), weights, shares)


def mix(shares: Tensor, values: Sequence[Tensor]) -> Tensor:
    """`sum share_k value_k`; exact where one share is 1."""
    first, *rest = (share * value for share, value in zip(shares, values, strict=True))
    return sum(rest, start=first)
