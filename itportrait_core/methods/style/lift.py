"""From a painted mask to a region of space, by depth (docs/method.md#region).

Every view votes on every point of the box. A view that has the point in its mask, near the surface that it
sees there, is for it; one that sees the point outside its mask is against it, also where the point would
stand out before the surface; one from which the point is hidden says nothing. Painted from several sides, a
part is cut out as by a visual hull.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.depth import project
from ...networks.camera import Camera
from ...networks.generator3d import Generator3D
from ...rendering.density import blur
from ...rendering.labels import checked
from ..shared.portrait import Portrait, check_fits
from ..shared.region import Region
from .config import LiftConfig

OnView = Callable[[int, int], None]
"""Called with views done and views in all; raising from it stops the run."""
VISIBLE = 0.02
"""World units behind the surface up to which a point counts as seen there."""
BACKDROP = 0.3
"""Shares of the box behind the centre from which on a surface is backdrop, not head."""
FOG = 0.02
"""Opacity up to which a ray meets nothing, in the thinnest scenes; elsewhere it is half of the largest."""
RAMP = 0.25
"""Half the width of the vote's soft threshold."""
CHUNK = 1 << 18
"""Points that vote together; bounds the memory."""


def lift_region(
    generator: Generator3D,
    portrait: Portrait,
    mask: Tensor,
    camera: Tensor | None = None,
    config: LiftConfig | None = None,
    on_view: OnView | None = None,
) -> Region:
    """The region of space that masks, painted on pictures of one person, mean.

    Where a mask reaches beyond the head (a hat that is not there yet), the surface is taken to go on at the
    depth of the nearest point of the head.

    Args:
        generator: draws the person on whom was painted.
        portrait: that person.
        mask: `[V, 1, H, W]` or `[V, H, W]` in 0..1, square, any size; 1 where painted.
        camera: `[V, 25]`, where each was painted from, or `[1, 25]` for all; the portrait's own where None.
        config: thickness and edge.
        on_view: progress.

    Raises:
        ITPortraitError: for masks and cameras that do not fit, an empty mask, or one that meets no head.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws, camera = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front()), itp.cameras.front()
        >>> person = itp.Portrait(ws, camera, G.synthesis(ws, camera).image)
        >>> mask = torch.zeros(1, 128, 128)
        >>> mask[:, 70:90, 50:78] = 1.0
        >>> region = itp.lift_region(G, person, mask, camera, itp.LiftConfig(grid=32))
        >>> 0 < float(region.weights.mean()) < 0.1
        True
    """
    config = config or LiftConfig()
    check_fits(generator, portrait)
    cameras = checked(portrait.camera if camera is None else camera)
    masks = _checked_masks(mask, len(cameras))
    box = generator.config.rendering.box_warp
    with torch.no_grad():
        planes = generator.planes(portrait.ws.to(next(generator.parameters()).device))
        axis = (torch.arange(config.grid, device=planes.device) + 0.5) / config.grid * box - box / 2
        votes = torch.zeros(2, config.grid**3, device=planes.device)
        for view, one in enumerate(masks.to(planes).split(1)):
            label = cameras[view % len(cameras)][None].to(planes)
            surface = _surface(generator, planes, label)
            for first in range(0, votes.shape[1], CHUNK):
                points = _points(axis, first, min(first + CHUNK, votes.shape[1]))
                votes[:, first : first + CHUNK] += _votes(points, one, surface, label, config)
            if on_view is not None:
                on_view(view + 1, len(masks))
    return Region(_decided(votes, config, box), box)


def _checked_masks(mask: Tensor, cameras: int) -> Tensor:
    """Masks `[V, 1, S, S]`."""
    masks = mask[:, None] if mask.ndim == 3 else mask
    if masks.ndim != 4 or masks.shape[1] != 1 or masks.shape[-1] != masks.shape[-2]:
        raise ITPortraitError(
            f"A mask of shape {tuple(mask.shape)} was painted on no render; paint on a square picture as"
            " Multi-View Render gives it."
        )
    if cameras not in (1, len(masks)):
        raise ITPortraitError(
            f"{len(masks)} masks and {cameras} cameras; give each mask the camera that its picture had."
        )
    if not bool(torch.isfinite(masks).all()) or not bool((masks > 0.5).any()):
        raise ITPortraitError("The mask is empty; paint white what is to change.")
    return masks.float().clamp(0.0, 1.0)


def _surface(generator: Generator3D, planes: Tensor, camera: Tensor) -> Tensor:
    """Distance [1, 1, R, R] of what each ray meets; where that is no head, of the head nearest by."""
    volume = generator.render_volume(planes, camera, ray_chunk=4096, colors=False)
    depth = volume.image_depth
    far = Camera(camera).position.norm() + BACKDROP * generator.config.rendering.box_warp
    opacity = volume.image_weights
    head = ((opacity > 0.5 * opacity.max()) & (opacity > FOG) & (depth < far)).to(depth)
    if not bool(head.any()):
        raise ITPortraitError("There is no head in the picture; look at the person, and paint there.")
    return _spread(torch.where(head > 0, depth, 0.0), head)


def _spread(values: Tensor, known: Tensor) -> Tensor:
    """Values [1, 1, R, R] of known pixels, carried on over all others from their neighbours."""
    while not bool((known > 0).all()):
        sums = F.avg_pool2d(values * known, 3, 1, 1, count_include_pad=True)
        counts = F.avg_pool2d(known, 3, 1, 1, count_include_pad=True)
        reached = (counts > 0) & (known == 0)
        values = torch.where(reached, sums / counts.clamp_min(1e-6), values)
        known = torch.where(reached, 1.0, known)
    return values


def _points(axis: Tensor, first: int, last: int) -> Tensor:
    """World points [1, P, 3] of cells of the grid, counted z, y, x."""
    n, index = len(axis), torch.arange(first, last, device=axis.device)
    return torch.stack([axis[index % n], axis[index // n % n], axis[index // (n * n)]], dim=-1)[None]


def _votes(points: Tensor, mask: Tensor, surface: Tensor, camera: Tensor, config: LiftConfig) -> Tensor:
    """[2, P]: for and against every point, by one view."""
    places = project(points, camera)[:, :, None]
    inside = (places.abs() <= 1).all(dim=-1)[0, :, 0].to(mask)
    painted = F.grid_sample(mask, places, mode="bilinear", align_corners=False)[0, 0, :, 0]
    depth = F.grid_sample(surface, places, mode="nearest", padding_mode="border", align_corners=False)
    before = (points - Camera(camera).position[:, None]).norm(dim=-1)[0] - depth[0, 0, :, 0]
    near = (before >= -config.front) & (before <= config.behind)
    visible = before <= VISIBLE
    return torch.stack([painted * near * inside, (1 - painted) * visible * inside])


def _decided(votes: Tensor, config: LiftConfig, box: float) -> Tensor:
    """Weights [n, n, n] of all votes."""
    share = votes[0] / votes.sum(dim=0).clamp_min(1e-6)
    low = max(config.agree - RAMP, 0.02)
    weights = ((share - low) / (min(config.agree + RAMP, 0.98) - low)).clamp(0.0, 1.0)
    weights = weights.reshape((config.grid,) * 3)
    sigma = config.feather * config.grid / box
    weights = blur(weights, sigma) if sigma > 0.1 else weights
    if float(weights.max()) < 0.5:
        raise ITPortraitError("The mask meets no head; paint on the person, or make the region thicker.")
    return weights.clamp(0.0, 1.0)
