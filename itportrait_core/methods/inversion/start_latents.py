"""Where the latent of Eq. 4 starts: mean, nearest of many samples, or a 3D encoder's answer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D
from ..shared.latent_statistics import LatentStatistics
from ..shared.passes import fit_picture
from .config import InversionConfig

SEARCH_BATCH = 8

Encoder3D = Callable[[Tensor, Tensor], Tensor]
"""Picture [N, 3, H, W] in [-1, 1] and label [N, 25] -> ws [N, num_ws, w_dim]."""


@torch.no_grad()
def start_latents(
    generator: Generator3D,
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
    return nearest_samples(
        generator, statistics, targets[:: config.restarts], labels[:: config.restarts], perceptual,
        config.restarts,
    )  # fmt: skip


@torch.no_grad()
def nearest_samples(
    generator: Generator3D,
    statistics: LatentStatistics,
    targets: Tensor,
    labels: Tensor,
    perceptual: Perceptual,
    keep: int,
    *,
    together: bool = False,
) -> Tensor:
    """For every picture the `keep` samples (the mean among them) whose renders at its label are closest.

    The planes of a sample, which are most of its cost, serve all pictures.

    Args:
        targets: [N, 3, H, W]; labels: [N, 25].
        together: the pictures are of one person: what counts is the mean distance to them all.

    Returns:
        [N * keep, num_ws, w_dim], the samples of the first picture first; [keep, ...] of all `together`.
    """
    candidates = torch.cat([statistics.mean, statistics.samples])
    side = max(16, generator.neural_rendering_resolution // 4)
    targets = fit_picture(targets, generator.resolution)
    features = perceptual.features(targets)
    scores = []
    for part in candidates.split(SEARCH_BATCH):
        planes, row = generator.planes(part), []
        for number, label in enumerate(labels):
            cameras_of_part = label.expand(len(part), -1)
            images = generator.render(planes, part, cameras_of_part, neural_rendering_resolution=side).image
            pixels = (images - targets[number]).square().mean(dim=(1, 2, 3))
            row.append(perceptual.distance([f[number : number + 1] for f in features], images) + 0.1 * pixels)
        scores.append(torch.stack(row))
    distances = torch.cat(scores, dim=1)
    if together:
        distances = distances.mean(dim=0, keepdim=True)
    best = distances.topk(min(keep, len(candidates)), largest=False).indices
    return candidates[best.flatten()].clone()


@torch.no_grad()
def start_latents_together(
    generator: Generator3D,
    config: InversionConfig,
    statistics: LatentStatistics,
    targets: Tensor,
    labels: Tensor,
    perceptual: Perceptual,
    encoder: Encoder3D | None,
) -> Tensor:
    """As `start_latents`, ws [R, num_ws, w_dim] for the R restarts of one person, of whom all pictures are.

    An encoder's answers are averaged over the pictures.
    """
    if config.start == "nearest":
        return nearest_samples(
            generator, statistics, targets, labels, perceptual, config.restarts, together=True
        )
    if config.start == "mean":
        targets, labels = targets[:1].repeat(config.restarts, 1, 1, 1), labels[:1].repeat(config.restarts, 1)
        return start_latents(generator, config, statistics, targets, labels, perceptual, encoder)
    each = start_latents(generator, config, statistics, targets, labels, perceptual, encoder)
    return each.mean(dim=0, keepdim=True).repeat(config.restarts, 1, 1)
