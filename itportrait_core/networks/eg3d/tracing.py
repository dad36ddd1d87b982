"""What the rays of many cameras see in the planes of one or more people (docs/eg3d.md#top-level)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ..eg3d_config import RenderingConfig
from ..generator3d import VolumeOutput
from ..ops import on_card
from ..rays import make_rays, rays_per_person, split_label
from ..volume_rendering import Jitter, make_jitter, render_rays


def trace_views(
    field: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    planes: Tensor,
    c: Tensor,
    side: int,
    settings: RenderingConfig,
    colors: tuple[float, float],
    rng: torch.Generator | None,
    *,
    jitter: tuple[Tensor, Tensor] | None = None,
    ray_chunk: int | None = None,
    checkpoint: bool = False,
) -> VolumeOutput:
    """Features, depth and opacity of every ray of every camera.

    Args:
        field: planes and points [B, N, 3] to features [B, N, C] and raw density [B, N, 1].
        planes: [B, ...]; one set serves any number of cameras.
        c: cameras [N, 25].
        side: of the raw pictures, pixels.
        colors: factor and addend of features, applied once a ray.
        rng, jitter, ray_chunk, checkpoint: as in `EG3DGenerator.render`.

    Raises:
        ITPortraitError: where people and cameras do not match.
    """
    views = _views_as_rays(planes, c, settings)
    if views == 1:
        planes = per_view(planes, c.shape[0])
    origins, directions = make_rays(*split_label(c.to(planes.dtype)), side)
    pictures, count = origins.shape[:2]
    if jitter is None:
        uniforms = make_jitter(pictures, count, settings, planes, rng)
    else:
        uniforms = Jitter(*(u.to(planes).reshape(pictures, count, -1) for u in jitter))
    if views > 1:  # all rays of a person are one list, so that no planes are copied
        origins, directions = (rays_per_person(x, views) for x in (origins, directions))
        uniforms = Jitter(rays_per_person(uniforms.coarse, views), rays_per_person(uniforms.fine, views))
    rays = render_rays(
        partial(field, planes), origins, directions, settings, uniforms, ray_chunk, checkpoint, colors
    )
    parts = [rays.features, rays.depth, rays.weight]
    if views > 1:
        parts = [x.unflatten(1, (views, count)).transpose(0, 1).flatten(0, 1) for x in parts]
    return VolumeOutput(*(x.transpose(1, 2).unflatten(2, (side, side)) for x in parts))


def _views_as_rays(planes: Tensor, c: Tensor, settings: RenderingConfig) -> int:
    """How many views of each scene are made as more rays of it; 1: every view has planes of its own.

    On a CPU one view fills the caches. With automatic limits the rays of a batch are no strangers to each
    other (`box_limits`).
    """
    if c.shape[0] % planes.shape[0] or settings.automatic_limits or not on_card(planes):
        return 1
    return c.shape[0] // planes.shape[0]


def per_view(x: Tensor, views: int) -> Tensor:
    """Planes or style vectors of B people, repeated for V * B cameras."""
    if x.shape[0] == 1 and views > 1:
        return x.expand(views, *x.shape[1:])
    if views > 0 and views % x.shape[0] == 0:
        times = views // x.shape[0]
        return x if times == 1 else x.repeat(times, *(1 for _ in x.shape[1:]))
    if x.shape[0] != views:
        raise ITPortraitError(f"Planes or style vectors of {x.shape[0]} and {views} cameras do not match.")
    return x
