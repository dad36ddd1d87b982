"""The head as Gaussian splats, sampled from the volume; `ply` writes the file that splat viewers read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import Config
from ..errors import ITPortraitError
from .density import Progress, density_grid
from .rotations import rotation_to
from .views import check_drawn, field_normals, texel

if TYPE_CHECKING:
    from ..networks.generator3d import Generator3D

FLOOR = -6.0
"""Raw density below which space is looked at coarsely; a whole box of it would stop 0.1 % of the light."""
MAX_OPACITY = 0.995
"""Keeps the logit in the file finite."""


@dataclass(frozen=True)
class SplatConfig(Config):
    """How splats are drawn from the field."""

    resolution: int = 192
    """Splats along a side of the box before the unseen ones are dropped; 32..512."""
    spread: float = 0.55
    """Standard deviation of a splat across the surface, in grid steps."""
    thickness: float = 0.4
    """Standard deviation of a splat along the normal, in grid steps: flat splats keep outlines sharp."""
    inset: float = 0.25
    """How far splats are drawn in along the normal, grid steps: it makes up for the reach of their tails."""
    keep: float = 0.01
    """Least share of light, 0..1, that a splat must stop on its way out of the head to be kept."""
    trim: float | None = None
    """Share of the box cut away at each side; None for 0 on a white background, else 30/256."""
    points_per_chunk: int = 1 << 17
    """Field points evaluated together; bounds the memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 32 <= self.resolution <= 512:
            raise ITPortraitError(f"The splat resolution must be 32 to 512, got {self.resolution}.")
        if not (0.1 <= self.spread <= 3.0 and 0.05 <= self.thickness <= 3.0):
            raise ITPortraitError(
                f"Splats must spread 0.1 to 3 and be 0.05 to 3 grid steps thick, got {self.spread} and "
                f"{self.thickness}."
            )
        if not 0.0 <= self.inset <= 3.0:
            raise ITPortraitError(f"Splats may be drawn in by 0 to 3 grid steps, got {self.inset}.")
        if not 0.0 <= self.keep < 1.0:
            raise ITPortraitError(
                f"The share of light for a splat to be kept must be 0 to 1, got {self.keep}."
            )


@dataclass(frozen=True)
class Splats:
    """K Gaussians in world units (y up)."""

    centers: Tensor
    """`[K, 3]`."""
    normals: Tensor
    """`[K, 3]` outward; the Gaussian's own z axis."""
    scales: Tensor
    """`[K, 3]` standard deviations along the Gaussian's own axes."""
    rotations: Tensor
    """`[K, 4]` unit quaternions (w, x, y, z) from its own axes to the world's."""
    opacities: Tensor
    """`[K]` in 0..1 at the centre."""
    colors: Tensor
    """`[K, 3]` sRGB in 0..1."""


def sample_splats(
    generator: Generator3D,
    ws: Tensor,
    config: SplatConfig | None = None,
    on_step: Progress | None = None,
    *,
    planes: Tensor | None = None,
) -> Splats:
    """Splats of one latent `ws [1, num_ws, w_dim]`: one for each grid point that can be seen from outside.

    Each stops as much light as its share of the volume does and has the field's colour there, so splatting
    them is volume rendering with coarser steps.

    Raises:
        ITPortraitError: if nothing in the box can be seen.
    """
    config = config or SplatConfig()
    box = generator.config.rendering.box_warp
    step = box / (config.resolution - 1)
    chunk = config.points_per_chunk
    with torch.no_grad():
        planes = generator.planes(ws) if planes is None else planes
        check_drawn(planes, "The head")
        grid = density_grid(
            generator, planes, config.resolution, on_step, trim=config.trim, floor=FLOOR, chunk=chunk
        )
        places = (stopped_light(F.softplus(grid - 1.0) * step) > config.keep).nonzero()
        if len(places) == 0:
            raise ITPortraitError("Nothing in the box can be seen; lower the share of light to be kept.")
        centers = places.to(planes.dtype) * step - box / 2.0
        normals, colors = [], []
        for part in centers.split(chunk):
            normals.append(field_normals(generator, planes, part[None], texel(generator, planes))[0])
            colors.append(generator.colors(planes, part[None])[0][0].clamp(0.0, 1.0))
    # Neighbouring splats of one layer overlap: together they count this many times along a ray.
    layers = 2.0 * torch.pi * config.spread**2
    opacity = 1.0 - torch.exp(-F.softplus(grid[tuple(places.unbind(1))] - 1.0) * step / layers)
    scales = step * centers.new_tensor([config.spread, config.spread, config.thickness])
    return Splats(
        centers=centers - config.inset * step * torch.cat(normals),
        normals=torch.cat(normals),
        scales=scales.expand(len(centers), 3),
        rotations=rotation_to(torch.cat(normals)),
        opacities=opacity.clamp(max=MAX_OPACITY),
        colors=torch.cat(colors),
    )


def stopped_light(optical: Tensor) -> Tensor:
    """The share of light that each cell stops, along the freest of the six axis directions.

    Args:
        optical: optical depth of each cell `[X, Y, Z]`.

    Returns:
        `[X, Y, Z]` in 0..1; 0 deep inside and in empty space.
    """
    before = []
    for axis in range(3):
        passed = optical.cumsum(axis)
        before += [passed - optical, passed.select(axis, -1).unsqueeze(axis) - passed]
    freest = torch.stack(before).amin(0).clamp(min=0.0)
    return torch.exp(-freest) * (1.0 - torch.exp(-optical))
