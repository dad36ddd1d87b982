"""Volume rendering: coarse pass, importance samples, midpoint march (docs/eg3d.md#ray-marcher)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recompute

from .card_ops import IntervalOpacity
from .eg3d_config import RenderingConfig
from .ops import on_card
from .rays import box_limits, importance_depths, stratified_depths

Field = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Points [N, P, 3] -> features [N, P, C] and raw density [N, P, 1]."""


MIN_TRANSMITTANCE = 1e-16
"""Light that gets through less than this counts as none. Behind a surface it would fall to numbers so small
that a CPU takes a hundred times longer for each of them, here and in every gradient that comes of them."""


@dataclass(frozen=True)
class Jitter:
    """Uniform numbers that place the samples of one picture."""

    coarse: Tensor
    """[N, M, D] in [0, 1)."""
    fine: Tensor
    """[N, M, K] in [0, 1]; K may be 0."""

    def rays(self, first: int, last: int) -> Jitter:
        """The numbers of a range of rays."""
        return Jitter(self.coarse[:, first:last], self.fine[:, first:last])


@dataclass(frozen=True)
class RayColors:
    """What the rays saw."""

    features: Tensor
    """[N, M, C], in about [-1, 1]."""
    depth: Tensor
    """[N, M, 1], distance along the unit direction."""
    weight: Tensor
    """[N, M, 1], opacity in 0..1."""


def make_jitter(
    batch: int, rays: int, settings: RenderingConfig, like: Tensor, rng: torch.Generator | None = None
) -> Jitter:
    """Draw the uniforms; without a generator: no coarse offsets and evenly spaced fine ones.

    Args:
        batch: number of pictures N.
        rays: rays per picture M.
        settings: numbers of samples.
        like: a tensor of the wanted dtype and device.
        rng: source of random numbers; draws the coarse tensor first, then the fine one.
    """
    coarse = (batch, rays, settings.depth_resolution)
    fine = (batch, rays, settings.depth_resolution_importance)
    if rng is None:
        steps = torch.linspace(0.0, 1.0, fine[2], dtype=like.dtype, device=like.device)
        return Jitter(like.new_zeros(coarse), steps.expand(fine))
    draw = [torch.rand(shape, generator=rng, device=rng.device) for shape in (coarse, fine)]
    return Jitter(draw[0].to(like), draw[1].to(like))


def march(depths: Tensor, sigma: Tensor) -> Tensor:
    """Weights of the intervals between samples.

    Args:
        depths: [..., S], ascending.
        sigma: raw density [..., S].

    Returns:
        [..., S-1]; their sum is the opacity.
    """
    length = depths[..., 1:] - depths[..., :-1]
    if on_card(sigma) and not length.requires_grad:
        alpha = IntervalOpacity.apply(sigma, length)
    else:
        density = F.softplus((sigma[..., 1:] + sigma[..., :-1]) / 2 - 1.0)
        alpha = 1.0 - torch.exp(-density * length)
    passed = torch.cumprod(1.0 - alpha[..., :-1] + 1e-10, dim=-1)
    passed = F.threshold(passed, MIN_TRANSMITTANCE, 0.0)
    return alpha * F.pad(passed, (1, 0), value=1.0)


def spread(weights: Tensor) -> Tensor:
    """Interval weights [..., S-1] -> weights of the samples [..., S]: half to each end."""
    return (F.pad(weights, (0, 1)) + F.pad(weights, (1, 0))) / 2


def ray_limits(origins: Tensor, directions: Tensor, settings: RenderingConfig) -> tuple[Tensor, Tensor]:
    """Nearest and farthest depth of every ray, [N, M, 1] each (or [1, 1, 1] where all are the same)."""
    if settings.automatic_limits:
        return box_limits(origins, directions, settings.box_warp)
    return origins.new_full((1, 1, 1), settings.ray_start), origins.new_full((1, 1, 1), settings.ray_end)


def render_rays(
    field: Field,
    origins: Tensor,
    directions: Tensor,
    settings: RenderingConfig,
    jitter: Jitter,
    ray_chunk: int | None = None,
    checkpoint: bool = False,
    colors: tuple[float, float] = (1.0, 0.0),
) -> RayColors:
    """Colours, depth and opacity of rays.

    Args:
        field: what is rendered.
        origins: [N, M, 3].
        directions: [N, M, 3], of unit length.
        settings: limits, background, sampling.
        jitter: where the samples lie.
        ray_chunk: rays evaluated at a time, to bound the memory; None for all. The result is the same.
        checkpoint: keep no activations for the backward pass but compute them again (with `ray_chunk`).
        colors: factor and addend on all features of the field.
    """
    start, end = ray_limits(origins, directions, settings)
    count = origins.shape[1]
    size = ray_chunk or count
    parts = []
    for first in range(0, count, size):
        rays = slice(first, first + size)
        limits = [x[:, rays] if x.shape[1] == count else x for x in (start, end)]
        arguments = (
            field,
            origins[:, rays],
            directions[:, rays],
            *limits,
            settings,
            jitter.rays(first, first + size),
            colors,
        )
        if checkpoint and torch.is_grad_enabled():
            parts.append(recompute(_render_chunk, *arguments, use_reentrant=False, preserve_rng_state=False))
        else:
            parts.append(_render_chunk(*arguments))
    features, depth, weight, near, far = zip(*parts, strict=True)
    # The published renderer limits the depth by the samples of the whole batch, not of each ray.
    depth = torch.cat(depth, dim=1).clamp(torch.stack(near).min(), torch.stack(far).max())
    return RayColors(torch.cat(features, dim=1), depth, torch.cat(weight, dim=1))


def _render_chunk(
    field: Field,
    origins: Tensor,
    directions: Tensor,
    start: Tensor,
    end: Tensor,
    settings: RenderingConfig,
    jitter: Jitter,
    colors: tuple[float, float],
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Features, unlimited depth, opacity, nearest and farthest sample of some rays."""
    depths = stratified_depths(start, end, jitter.coarse, settings.disparity_space_sampling)
    features, sigma = _sample(field, origins, directions, depths)
    colours = [features]
    order = None
    if settings.depth_resolution_importance > 0:
        fine = importance_depths(depths, march(depths, sigma).detach(), jitter.fine)
        features, fine_sigma = _sample(field, origins, directions, fine)
        colours.append(features)
        depths, order = torch.cat([depths, fine], dim=-1).sort(dim=-1)
        sigma = torch.cat([sigma, fine_sigma], dim=-1).gather(-1, order)
    interval = march(depths, sigma)
    weights = spread(interval)
    total = interval.sum(dim=-1, keepdim=True)
    depth = (weights * depths).sum(dim=-1, keepdim=True)
    empty = total == 0
    depth = (depth / total.masked_fill(empty, 1.0)).masked_fill(empty, float("inf"))
    if order is not None:  # bring the few weights into the order of the many colours
        weights = torch.zeros_like(weights).scatter(-1, order, weights)
    split = weights.split([x.shape[2] for x in colours], dim=-1)
    rgb = sum((w[:, :, None] @ x).squeeze(2) for w, x in zip(split, colours, strict=True))
    scale, shift = colors
    if (scale, shift) == (1.0, 0.0):
        rgb = (rgb + (1.0 - total) if settings.white_back else rgb) * 2.0 - 1.0
    else:  # factor and addend, white behind, and 0..1 to -1..1 in one pass
        behind = total * (2.0 * shift) - 1.0
        if settings.white_back:
            behind = behind + (2.0 - 2.0 * total)
        rgb = torch.add(behind, rgb, alpha=2.0 * scale)
    depths = depths.detach()
    return rgb, depth, total, depths.min(), depths.max()


def _sample(field: Field, origins: Tensor, directions: Tensor, depths: Tensor) -> tuple[Tensor, Tensor]:
    """Field values at the depths [N, M, S] of each ray: features [N, M, S, C], density [N, M, S]."""
    if on_card(depths):
        points = torch.addcmul(origins[:, :, None], depths[..., None], directions[:, :, None])
    else:
        points = origins[:, :, None] + depths[..., None] * directions[:, :, None]
    features, sigma = field(points.flatten(1, 2))
    return features.unflatten(1, depths.shape[1:]), sigma.reshape(depths.shape)
