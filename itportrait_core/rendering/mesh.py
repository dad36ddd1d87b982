"""A triangle mesh with colours and normals from the density field (docs/eg3d.md#mesh-extraction)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import Config
from ..errors import ITPortraitError
from ..networks.camera import Camera
from .cameras import grid as grid_cameras
from .marching_cubes import marching_cubes
from .surface import main_pieces, vertex_colors, vertex_normals
from .views import surface_points

if TYPE_CHECKING:
    from ..networks.eg3d_config import RenderingConfig
    from ..networks.generator3d import Generator3D

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all; raising from it stops the run."""
OUTSIDE = -1000.0
"""Density beyond the box, as in the official export."""
OFFICIAL_LEVEL = 10.0
"""Raw density at which the official export cuts (docs/eg3d.md#mesh-extraction)."""
USUAL_YAWS, USUAL_PITCHES = (-50.0, -25.0, 0.0, 25.0, 50.0), (-25.0, 0.0, 25.0)
"""Cameras that every face generator was trained for, degrees."""
SOFT_RANGE = (-30.0, 60.0)
"""Raw densities are held in this range before smoothing, lest one dense point outweigh its neighbours."""


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
    points_per_chunk: int = 1 << 18
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
        grid = density_grid(generator, planes, config, on_step)
        level = visible_level(generator, ws, planes, grid) if config.level is None else config.level
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


def density_grid(
    generator: Generator3D, planes: Tensor, config: MeshConfig, on_step: Progress | None = None
) -> Tensor:
    """Raw density `[n, n, n]` indexed x, y, z over the whole box; trimmed sides count as outside."""
    rendering, n = generator.config.rendering, config.resolution
    axis = torch.linspace(-0.5, 0.5, n, device=planes.device, dtype=planes.dtype) * rendering.box_warp
    plane = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    slabs = axis.split(max(1, config.points_per_chunk // n**2))
    parts = []
    for done, x in enumerate(slabs, 1):
        points = torch.cat((x.repeat_interleave(n * n)[:, None], plane.repeat(len(x), 1)), 1)
        parts.append(generator.field(planes, points[None])[1].reshape(-1, n, n).float())
        if on_step is not None:
            on_step(done, len(slabs))
    grid = torch.cat(parts)
    if config.smoothing > 0:
        grid = blur(grid.clamp(*SOFT_RANGE), config.smoothing)
    trim = (0.0 if rendering.white_back else 30 / 256) if config.trim is None else config.trim
    inside = axis.abs() <= (0.5 - trim) * rendering.box_warp + 1e-6
    inside = inside[:, None, None] & inside[:, None] & inside
    return grid.masked_fill(~(inside & rendered_region(rendering, axis)), OUTSIDE)


def rendered_region(rendering: RenderingConfig, axis: Tensor) -> Tensor:
    """Which grid points `[n, n, n]` some usual picture shows, and no usual picture leaves out in front.

    Training never sees what lies off all pictures, or nearer than the ray limits: density there is arbitrary,
    and a mesh or splats would show it as walls before the face.
    """
    coarse = axis[:: max(1, len(axis) // 64)]
    points = torch.stack(torch.meshgrid(coarse, coarse, coarse, indexing="ij"), -1).reshape(-1, 3)
    in_view = torch.zeros(len(points), dtype=torch.bool, device=axis.device)
    before = torch.zeros_like(in_view)
    for label in grid_cameras(USUAL_YAWS, USUAL_PITCHES).to(points):
        camera = Camera(label[None])
        matrix, focal = camera.cam2world[0], camera.focal[0]
        eye = (points - matrix[:3, 3]) @ matrix[:3, :3]
        framed = (eye[:, :2].abs() * focal <= 0.5 * eye[:, 2:]).all(1)
        distance = eye.norm(dim=1)
        if rendering.automatic_limits:
            in_view |= framed
        else:
            in_view |= framed & (distance >= rendering.ray_start) & (distance <= rendering.ray_end)
            before |= framed & (distance < rendering.ray_start)
    known = (in_view & ~before).reshape((len(coarse),) * 3)
    nearest = (axis[:, None] - coarse).abs().argmin(1)
    return known[nearest][:, nearest][:, :, nearest]


def blur(grid: Tensor, sigma: float) -> Tensor:
    """A grid `[X, Y, Z]` through a Gaussian of standard deviation `sigma` steps; edges repeat."""
    reach = max(1, round(3.0 * sigma))
    taps = torch.arange(-reach, reach + 1, device=grid.device, dtype=grid.dtype)
    taps = torch.softmax(-0.5 * (taps / sigma) ** 2, 0).reshape(1, 1, -1)
    for _ in range(3):
        x, y, z = grid.shape
        rows = F.pad(grid.reshape(x * y, 1, z), (reach, reach), mode="replicate")
        grid = F.conv1d(rows, taps).reshape(x, y, z).permute(2, 0, 1).contiguous()
    return grid


def visible_level(generator: Generator3D, ws: Tensor, planes: Tensor, grid: Tensor) -> float:
    """The density whose surface has the outline that pictures show.

    A ray meets the surface of a level exactly if the densest point on it exceeds the level, so the best level
    can be read from the masks of a few views. Scenes that fill the picture have no outline: they get EG3D's
    level 10.
    """
    cameras = grid_cameras([-40, 0, 40], [-15, 15]).to(planes)
    side = min(generator.neural_rendering_resolution, 64)
    render = generator.render(planes, ws, cameras, neural_rendering_resolution=side)
    hit = (render.image_weights > 0.5).reshape(-1)
    if float(hit.float().mean()) > 0.99 or not bool(hit.any()):
        return OFFICIAL_LEVEL
    reach = torch.linspace(-0.9, 0.9, 160, device=planes.device) * generator.config.rendering.box_warp
    depths = generator.config.rendering.avg_camera_radius + reach
    volume = grid.permute(2, 1, 0)[None, None]
    densest = torch.full(hit.shape, OUTSIDE, device=grid.device)
    for depth in depths:
        points = surface_points(cameras, depth.expand_as(render.image_depth)).reshape(1, 1, 1, -1, 3)
        unit = points * (2.0 / generator.config.rendering.box_warp)
        read = F.grid_sample(volume, unit, padding_mode="border", align_corners=True).reshape(-1)
        densest = torch.where((unit.abs() <= 1.0).all(-1).reshape(-1), densest.maximum(read), densest)
    return _best_threshold(densest, hit)


def _best_threshold(score: Tensor, wanted: Tensor) -> float:
    """The threshold at which `score >` it agrees best (intersection over union) with `wanted`, both `[K]`."""
    score, order = score.sort(descending=True)
    both = wanted[order].cumsum(0)
    union = wanted.sum() + torch.arange(1, len(score) + 1, device=score.device) - both
    best = int((both / union).argmax())
    return float((score[best] + score[min(best + 1, len(score) - 1)]) / 2.0)
