"""Whether overdone strengths tear heads apart, and how far they may go (docs/method.md#blending)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.generator3d import Generator3D
from ...rendering.density import density_grid
from ..shared.passes import draw_latents
from .config import BlendConfig

PEOPLE, GRID = 2, 32
"""Heads that are looked at, and points along a side of the box."""
STRENGTHS = ("shape", "texture", "decoder", "superresolution")
UNGUARDED = (0.0, 1.2)
"""Strengths in this range are taken as they are."""
LOST, GROWN = 0.7, 1.6
"""A head is torn where less or more than this share of its volume is left in one piece."""
EASINGS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)


@torch.no_grad()
def volumes(generator: Generator3D, people: Tensor) -> Tensor:
    """Solid grid points of the largest connected piece near the centre of each head [N]."""
    step = generator.config.rendering.box_warp / GRID
    sizes = []
    for ws in people.split(1):
        sigma = density_grid(generator, generator.planes(ws), GRID)
        solid = (1 - torch.exp(-step * F.softplus(sigma - 1)) > 0.5).float()
        sizes.append(_piece(solid).sum())
    return torch.stack(sizes)


def _piece(solid: Tensor) -> Tensor:
    """The connected piece of a grid of 0 and 1 `[n, n, n]` that holds its solid point nearest the centre."""
    places = solid.nonzero()
    if not len(places):
        return solid
    nearest = places[(places - solid.shape[0] / 2).square().sum(dim=1).argmin()]
    piece, size = torch.zeros_like(solid), 0.0
    piece[tuple(nearest)] = 1.0
    while float(piece.sum()) > size:
        size = float(piece.sum())
        piece = F.max_pool3d(piece[None, None], 3, 1, 1)[0, 0] * solid
    return piece


def eased(config: BlendConfig, share: float) -> BlendConfig:
    """Strengths whose excess over 0..1 is `share` of what it was."""
    values = {name: getattr(config, name) for name in STRENGTHS}
    inside = {name: min(max(value, 0.0), 1.0) for name, value in values.items()}
    return dataclasses.replace(
        config, **{name: inside[name] + share * (values[name] - inside[name]) for name in STRENGTHS}
    )


def is_guarded(configs: Sequence[BlendConfig]) -> bool:
    """Whether any strength lies outside `UNGUARDED`."""
    low, high = UNGUARDED
    return any(not low <= getattr(config, name) <= high for config in configs for name in STRENGTHS)


def untorn(
    base: Generator3D, make: Callable[[list[BlendConfig]], Generator3D], configs: list[BlendConfig]
) -> Generator3D:
    """The blend of the strongest of `EASINGS` at which every head keeps its volume in one piece.

    Args:
        make: the blend of given strengths.
    """
    people = draw_latents(base, PEOPLE, torch.Generator().manual_seed(0))
    usual = volumes(base, people).clamp_min(1.0)
    for share in EASINGS:
        made = make([eased(config, share) for config in configs])
        left = volumes(made, people) / usual
        if bool(((left >= LOST) & (left <= GROWN)).all()):
            break
    return made
