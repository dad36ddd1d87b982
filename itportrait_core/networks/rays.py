"""Rays of a pinhole camera and the depths at which they are sampled (docs/eg3d.md#depth-sampling)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .camera import Camera


def split_label(c: Tensor) -> tuple[Tensor, Tensor]:
    """Camera labels [N, 25] -> cam2world [N, 4, 4] and intrinsics [N, 3, 3].

    Raises:
        ITPortraitError: when `c` has another shape.
    """
    camera = Camera(c)
    return camera.cam2world, camera.intrinsics


def make_rays(cam2world: Tensor, intrinsics: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Rays through the pixel centres, row by row from the top.

    Args:
        cam2world: [N, 4, 4], OpenCV axes (x right, y down, z forward).
        intrinsics: [N, 3, 3], normalised by the picture's size.
        resolution: side R of the picture.

    Returns:
        Origins and unit directions, both [N, R*R, 3].
    """
    count = torch.arange(resolution, dtype=cam2world.dtype, device=cam2world.device)
    centre = (count + 0.5) / resolution
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    return rays_through(cam2world, intrinsics, torch.stack([x, y], dim=-1).reshape(1, -1, 2))


def rays_through(cam2world: Tensor, intrinsics: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Rays through picture points.

    Args:
        cam2world: [N, 4, 4].
        intrinsics: [N, 3, 3].
        points: [N or 1, M, 2], (x, y) with the picture spanning 0..1.

    Returns:
        Origins and unit directions, both [N, M, 3].
    """
    fx, fy = intrinsics[:, 0, 0, None], intrinsics[:, 1, 1, None]
    cx, cy, skew = intrinsics[:, 0, 2, None], intrinsics[:, 1, 2, None], intrinsics[:, 0, 1, None]
    x, y = points[..., 0], points[..., 1]
    x = (x - cx + cy * skew / fy - skew * y / fy) / fx
    y = (y - cy) / fy
    local = torch.stack([x, y.expand_as(x), torch.ones_like(x)], dim=-1)
    directions = F.normalize(local @ cam2world[:, :3, :3].transpose(1, 2), dim=-1)
    origins = cam2world[:, None, :3, 3].expand_as(directions)
    return origins, directions


def rays_per_person(x: Tensor, views: int) -> Tensor:
    """Rays [V * B, M, K] of V views of B people, as [B, V * M, K]: all rays of a person in one list."""
    return x.unflatten(0, (views, -1)).transpose(0, 1).flatten(1, 2)


def intersect_box(origins: Tensor, directions: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave the cube of this side about the origin; (-1, -2) for a miss.

    Args:
        origins: [..., 3].
        directions: [..., 3].
        side: length of an edge.

    Returns:
        Entry and exit distances, both [..., 1].
    """
    a = (-side / 2 - origins) / directions
    b = (side / 2 - origins) / directions
    start = torch.minimum(a, b).amax(dim=-1, keepdim=True)
    end = torch.maximum(a, b).amin(dim=-1, keepdim=True)
    miss = start > end
    return start.masked_fill(miss, -1.0), end.masked_fill(miss, -2.0)


def box_limits(origins: Tensor, directions: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Ray limits for the setting "auto": the cube's, with stand-ins for rays that miss it.

    A missing ray gets the smallest and the largest *start* of the others, over the whole batch: a quirk of
    the published renderer that released weights were trained with.
    """
    start, end = intersect_box(origins.detach(), directions.detach(), side)
    hit = end > start
    if bool(hit.any()):
        starts = start[hit]
        start = torch.where(hit, start, starts.min())
        end = torch.where(hit, end, starts.max())
    return start, end


def stratified_depths(
    start: Tensor | float, end: Tensor | float, jitter: Tensor, disparity: bool = False
) -> Tensor:
    """Coarse depths along each ray.

    Args:
        start: nearest depth, a number or [N, M, 1].
        end: farthest depth, a number or [N, M, 1].
        jitter: uniform numbers [N, M, D] in [0, 1); each pushes its sample by up to one step (one-sided).
        disparity: evenly spaced in 1/depth.

    Returns:
        [N, M, D], ascending.
    """
    count = jitter.shape[-1]
    grid = torch.linspace(0.0, 1.0, count, dtype=jitter.dtype, device=jitter.device)
    s = grid + jitter / (count - 1)
    if disparity:
        return 1.0 / ((1.0 - s) / start + s / end)
    return start + s * (end - start)


def importance_depths(depths: Tensor, weights: Tensor, uniforms: Tensor) -> Tensor:
    """Fine depths, drawn where the coarse pass saw something (no gradient).

    Args:
        depths: coarse depths [..., D].
        weights: coarse interval weights [..., D-1].
        uniforms: [..., K] in [0, 1].

    Returns:
        [..., K], in the order of the uniforms.
    """
    with torch.no_grad():
        flat = weights.reshape(-1, 1, weights.shape[-1])
        smooth = F.max_pool1d(flat, 2, stride=1, padding=1)
        smooth = F.avg_pool1d(smooth, 2, stride=1).reshape(weights.shape) + 0.01
        middle = (depths[..., 1:] + depths[..., :-1]) / 2
        return invert_cdf(middle, smooth[..., 1:-1], uniforms)


def invert_cdf(bins: Tensor, weights: Tensor, uniforms: Tensor) -> Tensor:
    """Map uniforms through the inverse cumulative distribution of `weights` over `bins`.

    Args:
        bins: ascending edges [..., n]; only the first len(weights) + 1 are used.
        weights: [..., m], not negative.
        uniforms: [..., K] in [0, 1].

    Returns:
        [..., K].
    """
    weights = weights + 1e-5
    cdf = torch.cumsum(weights / weights.sum(dim=-1, keepdim=True), dim=-1)
    cdf = F.pad(cdf, (1, 0)).contiguous()
    index = torch.searchsorted(cdf, uniforms.contiguous(), right=True)
    low, high = (index - 1).clamp_min(0), index.clamp_max(weights.shape[-1])
    cdf_low, cdf_high = cdf.gather(-1, low), cdf.gather(-1, high)
    span = cdf_high - cdf_low
    span = torch.where(span < 1e-5, torch.ones_like(span), span)
    bin_low, bin_high = bins.gather(-1, low), bins.gather(-1, high)
    return bin_low + (uniforms - cdf_low) / span * (bin_high - bin_low)
