"""How much each number of a style vector of `photo` counts when the encoder misses it.

The mapping network is built, so each of these numbers states one fact of the head, at unit variance. Asked
for directly, all facts are learned at once; through modulations or pictures alone they pull at each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...networks.stylegan2 import StyleGAN2Generator
from ..latents import partners
from . import photo_truth

HEADS = 2000
SEEN_HEADS = 32
"""Of them, heads whose pictures are looked at."""
NUDGE = 0.5
"""By which a number is moved, in standard deviations."""
FLOOR, CEILING = 0.2, 8.0
"""Weight of a number that changes no pixel, and the largest share of the mean change that is counted."""
SMALLEST_VARIANCE = 0.1
"""Numbers beyond the facts are constant; they count as if they varied so much."""


@dataclass(frozen=True)
class CodeScale:
    """Of every number of a style vector."""

    weight: Tensor  # [w_dim] on squared errors: about 1 on average for an error of one standard deviation
    appearance: Tensor  # [w_dim] bool: tells what another light or style of drawing hides

    def error(self, guess: Tensor, target: Tensor, own: Tensor) -> Tensor:
        """Weighted squared error of codes `[B, num_ws, w_dim]`; appearance counts where `own [B]`."""
        visible = torch.where(self.appearance, own[:, None], 1.0)
        return ((guess - target).square() * (self.weight * visible)[:, None]).mean()


def appearance_columns(latents: Tensor, w_dim: int) -> Tensor:
    """Which numbers `[w_dim]` change between people who share geometry and pose."""
    others = partners(latents, photo_truth.SHAPE, torch.Generator().manual_seed(0))
    change = (photo_truth.code_of_latents(latents) - photo_truth.code_of_latents(others)).abs().amax(0) > 1e-6
    columns = torch.zeros(w_dim, dtype=torch.bool)
    columns[: len(change)] = change[:w_dim]
    return columns


@torch.no_grad()
def measure(generator: StyleGAN2Generator, latents: Tensor, draw: Callable[[Tensor], Tensor]) -> CodeScale:
    """Scale of the codes of a trained generator.

    Args:
        latents: normalised latents `[N, z_dim]` of the training heads.
        draw: codes `[B, num_ws, w_dim]` to pictures; small ones do.
    """
    codes = generator.mapping(latents[:HEADS])
    variance = codes[:, 0].var(0)
    some, change = codes[:SEEN_HEADS], torch.zeros_like(variance)
    before = draw(some)
    for column, spread in enumerate(variance.sqrt().tolist()):
        moved = some.clone()
        moved[..., column] += NUDGE * spread
        change[column] = (draw(moved) - before).square().mean()
    weight = FLOOR + (change / change.mean().clamp_min(1e-12)).clamp(max=CEILING)
    weight = weight / weight.mean() / variance.clamp_min(SMALLEST_VARIANCE)
    return CodeScale(weight, appearance_columns(latents[:HEADS].cpu(), codes.shape[-1]).to(weight.device))
