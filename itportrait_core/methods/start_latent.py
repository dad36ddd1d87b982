"""Where the latent of Eq. 4 starts: mean, nearest of many samples, or a 3D encoder's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ITPortraitError
from ..guidance.perceptual import Perceptual
from ..rendering import cameras
from .configs import InversionConfig
from .passes import fit_picture

SAMPLES_SEED = 123
"""Seed of the samples behind the mean latent, the same in every published inversion (methods 2.3)."""
SEARCH_BATCH = 8

Encoder3D = Callable[[Tensor, Tensor], Tensor]
"""Picture [N, 3, H, W] in [-1, 1] and label [N, 25] -> ws [N, num_ws, w_dim]."""


@dataclass(frozen=True)
class LatentStatistics:
    """Mean [1, num_ws, w_dim] and deviation (one number) of M(z)."""

    mean: Tensor
    deviation: float
    samples: Tensor
    """[S, num_ws, w_dim]"""


@torch.no_grad()
def latent_statistics(generator: nn.Module, count: int) -> LatentStatistics:
    """From `count` samples, conditioned on the front camera."""
    dice = torch.Generator().manual_seed(SAMPLES_SEED)
    device = next(generator.parameters()).device
    z = torch.randn(count, generator.z_dim, generator=dice).to(device)
    ws = torch.cat([generator.mapping(part, cameras.front(len(part)).to(device)) for part in z.split(256)])
    mean = ws.mean(dim=0, keepdim=True)
    deviation = float((ws[:, 0] - mean[:, 0]).square().sum(dim=-1).mean().sqrt())
    return LatentStatistics(mean, deviation, ws)


@torch.no_grad()
def whitener(generator: nn.Module) -> Tensor:
    """[w_dim, w_dim]: latents minus the mean, times this, have a mean square of about 1 for every sample.

    Directions in which M(z) hardly varies are weighed up to a hundred times as much: a latent that is long
    there shows nobody that the generator knows.
    """
    statistics = latent_statistics(generator, 4 * generator.w_dim)
    offsets = (statistics.samples[:, 0] - statistics.mean[:, 0]).double().cpu()
    variances, axes = torch.linalg.eigh(offsets.t() @ offsets / len(offsets))
    floor = 0.01 * variances.mean()
    return (axes / (variances.clamp_min(0) + floor).sqrt()).to(statistics.mean)


@torch.no_grad()
def start_latents(
    generator: nn.Module,
    config: InversionConfig,
    statistics: LatentStatistics,
    targets: Tensor,
    labels: Tensor,
    perceptual: Perceptual,
    encoder: Encoder3D | None,
) -> Tensor:
    """ws [N, num_ws, w_dim] for N runs; `config.restarts` runs of one picture start differently.

    Raises:
        ITPortraitError: if `start` is "encoder" and there is none.
    """
    count = len(targets)
    if config.start == "encoder":
        if encoder is None:
            raise ITPortraitError("start 'encoder' needs a 3D encoder; connect one, or choose 'nearest'.")
        return encoder(targets, labels).clone()
    if config.start == "mean":
        ws = statistics.mean.repeat(count, 1, 1)
        for run in range(count):  # the first run of every picture is the published start
            if run % config.restarts:
                ws[run] = 0.5 * (ws[run] + statistics.samples[run % len(statistics.samples)])
        return ws
    rows = [
        nearest_samples(generator, statistics, targets[run], labels[run], perceptual, config.restarts)
        for run in range(0, count, config.restarts)
    ]
    return torch.cat(rows)


@torch.no_grad()
def nearest_samples(
    generator: nn.Module,
    statistics: LatentStatistics,
    target: Tensor,
    label: Tensor,
    perceptual: Perceptual,
    keep: int,
) -> Tensor:
    """The `keep` samples (the mean among them) whose render at `label` is closest to the picture.

    Args:
        target: [3, H, W]; label: [25].
    """
    candidates = torch.cat([statistics.mean, statistics.samples])
    side = max(16, generator.neural_rendering_resolution // 2)
    features = perceptual.features(fit_picture(target[None], generator.resolution))
    scores = []
    for part in candidates.split(SEARCH_BATCH):
        seen = generator.synthesis(part, label.expand(len(part), -1), neural_rendering_resolution=side).image
        pixels = (seen - fit_picture(target[None], generator.resolution)).square().mean(dim=(1, 2, 3))
        scores.append(perceptual.distance(features, seen) + 0.1 * pixels)
    best = torch.cat(scores).topk(min(keep, len(candidates)), largest=False).indices
    return candidates[best].clone()
