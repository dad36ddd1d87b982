"""A triangle mesh with colours and normals from the density field (docs/eg3d.md#mesh-extraction)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import Config
from ..errors import ITPortraitError
from ..networks.rays import make_rays, split_label
from .cameras import grid as grid_cameras
from .density import OUTSIDE, Progress, density_grid
from .marching_cubes import marching_cubes
from .surface import main_pieces, vertex_colors, vertex_normals
from .views import check_drawn

if TYPE_CHECKING:
    from ..networks.generator3d import Generator3D

OFFICIAL_LEVEL = 10.0
"""Raw density at which the official export cuts (docs/eg3d.md#mesh-extraction)."""
FLOOR = 0.0
"""Raw density below which space is looked at coarsely while the level is not known."""


@dataclass(frozen=True)
class MeshConfig(Config):
    """How a mesh is drawn from the field."""

    resolution: int = 192
    """Grid points along a side of the box; 32..512. Time and memory grow with the cube."""
    level: float | None = None
    """Raw density of the surface (official exports use 10); None finds the one that pictures show."""
    smoothing: float = 0.0
    """Standard deviation of a Gaussian over the density, in grid steps; 0 for none."""
    least_piece: float = 0.01
    """Drop connected pieces smaller than this share of the largest, and all hollows: 1 keeps only the largest
    piece, 0 every speck."""
    trim: float | None = None
    """Share of the box cut away at each side; None for 0 on a white background, else 30/256 (official)."""
    points_per_chunk: int = 1 << 17
    """Field points evaluated together; bounds the memory."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 32 <= self.resolution <= 512:
            raise ITPortraitError(f"The mesh resolution must be 32 to 512, got {self.resolution}.")
        if not 0.0 <= self.smoothing <= 8.0:
            raise ITPortraitError(f"Mesh smoothing must be 0 to 8 grid steps, got {self.smoothing}.")
        if not 0.0 <= self.least_piece <= 1.0:
            raise ITPortraitError(f"The least piece must be 0 to 1 of the largest, got {self.least_piece}.")
        if self.trim is not None and not 0.0 <= self.trim < 0.5:
            raise ITPortraitError(f"The trimmed share of the box must be 0 to 0.5, got {self.trim}.")


@dataclass(frozen=True)
class Mesh:
    """V vertices and M triangles in world units."""

    vertices: Tensor
    """`[V, 3]` float32."""
    faces: Tensor
    """`[M, 3]` int64, counter-clockwise seen from outside."""
    normals: Tensor
    """`[V, 3]` outward unit normals."""
    colors: Tensor
    """`[V, 3]` sRGB in 0..1."""

    def to(self, device: torch.device | str) -> Mesh:
        """The mesh on another device."""
        return Mesh(*(t.to(device) for t in (self.vertices, self.faces, self.normals, self.colors)))


def extract_mesh(
    generator: Generator3D,
    ws: Tensor,
    config: MeshConfig | None = None,
    on_step: Progress | None = None,
    *,
    planes: Tensor | None = None,
) -> Mesh:
    """The surface of one latent.

    Closed and without cracks: what the box cuts off is capped. Colours are what a camera right in front of
    each vertex sees through the field.

    Args:
        generator: an EG3D generator.
        ws: `[1, num_ws, w_dim]`.
        config: resolution, level, clean-up.
        on_step: progress.
        planes: planes of `ws`, if they are at hand.

    Raises:
        ITPortraitError: if nothing is as dense as the level.
    """
    config = config or MeshConfig()
    box = generator.config.rendering.box_warp
    with torch.no_grad():
        planes = generator.planes(ws) if planes is None else planes
        check_drawn(planes, "The head")
        grid, level = _grid_and_level(generator, planes, config, on_step)
        check_drawn(grid, "The head's density")
        if float(grid.max()) <= level:
            raise ITPortraitError(
                f"Nothing is as dense as {level:.2f} (the densest point has {float(grid.max()):.2f}); "
                "lower the level."
            )
        vertices, faces = marching_cubes(F.pad(grid, (1,) * 6, value=OUTSIDE), level)
        vertices, faces = main_pieces(vertices, faces, config.least_piece)
        vertices = (vertices - 1.0) * (box / (config.resolution - 1)) - box / 2.0
        colors = [
            vertex_colors(generator, planes, part) for part in vertices.split(config.points_per_chunk // 32)
        ]
    return Mesh(vertices, faces, vertex_normals(vertices, faces), torch.cat(colors))


def _grid_and_level(
    generator: Generator3D, planes: Tensor, config: MeshConfig, on_step: Progress | None
) -> tuple[Tensor, float]:
    """The density `[n, n, n]` and the level to cut it at, `config.level` or the one that pictures show.

    Empty space is skipped where small pieces are dropped later: only such could be overlooked.
    """
    sampling: dict[str, Any] = {
        "trim": config.trim,
        "smoothing": config.smoothing,
        "chunk": config.points_per_chunk,
    }
    start = FLOOR if config.level is None else config.level
    floor = None if config.least_piece == 0 else start
    grid = density_grid(generator, planes, config.resolution, on_step, floor=floor, **sampling)
    if config.level is not None:
        return grid, config.level
    level = visible_level(generator, planes, grid)
    if floor is not None and level <= floor:  # a scene of fog
        grid = density_grid(generator, planes, config.resolution, on_step, **sampling)
        level = visible_level(generator, planes, grid)
    return grid, level


def visible_level(generator: Generator3D, planes: Tensor, grid: Tensor) -> float:
    """The density whose surface has the outline that pictures show.

    A ray meets the surface of a level exactly if the densest point on it exceeds the level, so the best level
    can be read from the masks of a few views. Scenes that fill the picture have no outline: they get EG3D's
    level 10.
    """
    cameras = grid_cameras([-40, 0, 40], [-15, 15]).to(planes)
    side = min(generator.neural_rendering_resolution, 64)
    views = [
        generator.render_volume(planes, camera, neural_rendering_resolution=side, colors=False)
        for camera in cameras.split(1)
    ]
    hit = torch.cat([view.image_weights > 0.5 for view in views]).reshape(-1)
    if float(hit.float().mean()) > 0.99 or not bool(hit.any()):
        return OFFICIAL_LEVEL
    box, radius = generator.config.rendering.box_warp, generator.config.rendering.avg_camera_radius
    origins, directions = (x.reshape(-1, 3) * (2.0 / box) for x in make_rays(*split_label(cameras), side))
    volume = grid.permute(2, 1, 0)[None, None]
    densest = torch.full(hit.shape, OUTSIDE, device=grid.device)
    for depth in (radius + box * torch.linspace(-0.9, 0.9, 160)).tolist():
        points = origins + depth * directions
        read = F.grid_sample(volume, points[None, None, None], padding_mode="border", align_corners=True)
        densest = torch.where((points.abs() <= 1.0).all(-1), densest.maximum(read.reshape(-1)), densest)
    return _best_threshold(densest, hit)


def _best_threshold(score: Tensor, wanted: Tensor) -> float:
    """The threshold at which `score >` it agrees best (intersection over union) with `wanted`, both `[K]`."""
    score, order = score.sort(descending=True)
    both = wanted[order].cumsum(0)
    union = wanted.sum() + torch.arange(1, len(score) + 1, device=score.device) - both
    best = int((both / union).argmax())
    return float((score[best] + score[min(best + 1, len(score) - 1)]) / 2.0)
