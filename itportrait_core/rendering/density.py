"""The density field on a grid, read only where it is needed (docs/eg3d.md#mesh-extraction, no shear)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.camera import Camera
from .cameras import grid as grid_cameras

if TYPE_CHECKING:
    from ..networks.eg3d_config import RenderingConfig
    from ..networks.generator3d import Generator3D

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all; raising from it stops the run."""
OUTSIDE = -1000.0
"""Density beyond the box, as in the official export, and in space that was skipped."""
USUAL_YAWS, USUAL_PITCHES = (-50.0, -25.0, 0.0, 25.0, 50.0), (-25.0, 0.0, 25.0)
"""Cameras that every face generator was trained for, degrees."""
SOFT_RANGE = (-30.0, 60.0)
"""Raw densities are held in this range before smoothing, lest one dense point outweigh its neighbours."""
BLOCK = 4
"""Side of a block in grid steps: the first look is at one point of each."""


def density_grid(
    generator: Generator3D,
    planes: Tensor,
    resolution: int,
    on_step: Progress | None = None,
    *,
    trim: float | None = None,
    smoothing: float = 0.0,
    floor: float | None = None,
    chunk: int = 1 << 17,
) -> Tensor:
    """Raw density `[n, n, n]` indexed x, y, z over the whole box; trimmed sides count as outside.

    Args:
        generator: an EG3D generator.
        planes: planes of one latent.
        resolution: n.
        on_step: progress.
        trim, smoothing: as in `MeshConfig`.
        floor: skip space that is nowhere denser, by a look at every fourth point: blocks about points above
            the floor are read, and then the blocks next to every block that has one. So each connected piece
            above the floor that the coarse points meet, and all neighbours of its points, are read: its
            surface at a level from `floor` up is the same. Smoothing needs everything. None reads everything.
        chunk: points evaluated together; bounds the memory.
    """
    rendering, n = generator.config.rendering, resolution
    axis = torch.linspace(-0.5, 0.5, n, device=planes.device, dtype=planes.dtype) * rendering.box_warp
    trim = (0.0 if rendering.white_back else 30 / 256) if trim is None else trim
    inside = axis.abs() <= (0.5 - trim) * rendering.box_warp + 1e-6
    valid = inside[:, None, None] & inside[:, None] & inside & rendered_region(rendering, axis)
    reader = _Reader(generator, planes, axis, chunk, on_step)
    if smoothing > 0:
        reader.read(grown(valid, blur_reach(smoothing)))
        return blur(reader.grid.clamp_(*SOFT_RANGE), smoothing).masked_fill_(~valid, OUTSIDE)
    if floor is None:
        reader.read(valid)
        return reader.grid
    coarse = torch.zeros_like(valid)
    coarse[::BLOCK, ::BLOCK, ::BLOCK] = True
    reader.read(valid & coarse)
    done = torch.zeros(((n - 1) // BLOCK + 1,) * 3, dtype=torch.bool, device=planes.device)
    while True:
        wanted = grown(_blocks(reader.grid > floor), 1) & ~done
        if not bool(wanted.any()):
            return reader.grid
        done |= wanted
        fine = wanted
        for dim in range(3):
            fine = fine.repeat_interleave(BLOCK, dim).narrow(dim, 0, n)
        reader.read(fine & valid & (reader.grid == OUTSIDE))


class _Reader:
    """A grid `[n, n, n]` that is filled with raw densities by and by."""

    def __init__(
        self, generator: Generator3D, planes: Tensor, axis: Tensor, chunk: int, on_step: Progress | None
    ) -> None:
        self.generator, self.planes, self.axis, self.chunk = generator, planes, axis, chunk
        self.on_step, self.done, self.total = on_step, 0, 0
        self.grid = torch.full((len(axis),) * 3, OUTSIDE, device=planes.device)

    def read(self, where: Tensor) -> None:
        """Fill the points where the mask `[n, n, n]` is true."""
        n, axis = len(self.axis), self.axis
        parts = where.reshape(-1).nonzero()[:, 0].split(self.chunk)
        self.total += len(parts)
        for part in parts:
            points = torch.stack((axis[part // (n * n)], axis[part // n % n], axis[part % n]), -1)
            self.grid.view(-1)[part] = self.generator.density(self.planes, points[None])[0, :, 0].float()
            self.done += 1
            if self.on_step is not None:
                self.on_step(self.done, self.total)


def _blocks(mask: Tensor) -> Tensor:
    """Blocks `[m, m, m]` that hold a true point of `[n, n, n]`."""
    occupied = F.max_pool3d(mask[None, None].float(), BLOCK, ceil_mode=True)
    return occupied[0, 0] > 0


def grown(valid: Tensor, reach: int) -> Tensor:
    """Points `[X, Y, Z]` at most `reach` steps along each axis from one that is valid."""
    near = valid[None, None].float()
    for axis in range(3):
        size = [2 * reach + 1 if k == axis else 1 for k in range(3)]
        near = F.max_pool3d(near, size, 1, [side // 2 for side in size])
    return near[0, 0] > 0


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


def blur_reach(sigma: float) -> int:
    """Steps from a point to the farthest that `blur` mixes into it."""
    return max(1, round(3.0 * sigma))


def blur(grid: Tensor, sigma: float) -> Tensor:
    """A grid `[X, Y, Z]` through a Gaussian of standard deviation `sigma` steps; edges repeat."""
    reach = blur_reach(sigma)
    taps = torch.arange(-reach, reach + 1, device=grid.device, dtype=grid.dtype)
    taps = torch.softmax(-0.5 * (taps / sigma) ** 2, 0).reshape(1, 1, -1)
    for _ in range(3):
        x, y, z = grid.shape
        rows = F.pad(grid.reshape(x * y, 1, z), (reach, reach), mode="replicate")
        grid = F.conv1d(rows, taps).reshape(x, y, z).permute(2, 0, 1).contiguous()
    return grid
