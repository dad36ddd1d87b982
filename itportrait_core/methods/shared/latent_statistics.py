"""Mean and deviation of M(z), from samples that are the same in every run."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...networks.generator3d import Generator3D
from ...rendering import cameras

SAMPLES_SEED = 123
"""Seed of the samples behind the mean latent, as published inversions have it (docs/method.md#inversion)."""


@dataclass(frozen=True)
class LatentStatistics:
    """Mean [1, num_ws, w_dim] and deviation (one number) of M(z)."""

    mean: Tensor
    deviation: float
    samples: Tensor
    """[S, num_ws, w_dim]"""


@torch.no_grad()
def latent_statistics(generator: Generator3D, count: int) -> LatentStatistics:
    """From `count` samples, conditioned on the front camera."""
    rng = torch.Generator().manual_seed(SAMPLES_SEED)
    device = next(generator.parameters()).device
    z = torch.randn(count, generator.z_dim, generator=rng).to(device)
    ws = torch.cat([generator.mapping(part, cameras.front(len(part)).to(device)) for part in z.split(256)])
    mean = ws.mean(dim=0, keepdim=True)
    deviation = float((ws[:, 0] - mean[:, 0]).square().sum(dim=-1).mean().sqrt())
    return LatentStatistics(mean, deviation, ws)
