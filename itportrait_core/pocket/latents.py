"""What a mapping network can know of a latent: its direction.

Mapping networks divide `z` by its root mean square first (docs/eg3d.md#mapping). So the truth of a pocket
latent is always a function of `normalise(z)`: nothing is asked that cannot be known.
"""

from __future__ import annotations

import torch
from torch import Tensor


def normalise(z: Tensor) -> Tensor:
    """`n = z / rms(z)`, `[B, Z]`: what a mapping network sees of latents `z [B, Z]`."""
    return z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def partners(n: Tensor, shared: list[int], rng: torch.Generator) -> Tensor:
    """Other normalised latents that agree with `n [B, Z]` in the dimensions `shared`, random in the rest."""
    other = torch.randn(n.shape, generator=rng)
    other[:, shared] = 0
    room = (n.shape[1] - n[:, shared].square().sum(1, keepdim=True)).clamp(min=1e-6)
    other = other * (room / other.square().sum(1, keepdim=True)).sqrt()
    other[:, shared] = n[:, shared]
    return other
