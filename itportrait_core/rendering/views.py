"""One head from many cameras: pictures, depth, masks and normals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ITPortraitError
from ..networks.ops import on_card
from ..networks.rays import make_rays, split_label
from .labels import cam2world, checked

if TYPE_CHECKING:
    from ..networks.generator3d import Generator3D, RenderOutput

OnView = Callable[[int, int, Tensor], None]
"""Called after each chunk with views done, views in all, and the newest pictures `[n, 3, H, W]`."""


@dataclass(frozen=True)
class Views:
    """N views, all at the generator's output size H = W, on the generator's device."""

    images: Tensor
    """`[N, 3, H, W]` RGB, about [-1, 1], not clamped."""
    depth: Tensor
    """`[N, 1, H, W]` distance along the unit ray, world units."""
    masks: Tensor
    """`[N, 1, H, W]` foreground in 0..1: one minus what the ray lets through."""
    normals_world: Tensor
    """`[N, 3, H, W]` outward unit normals in world axes times the mask; zero in the background."""
    normals_camera: Tensor
    """The same in camera axes: x right, y up, z to the viewer, as normal maps have them."""

    @property
    def depth_normalized(self) -> Tensor:
        """`[N, 1, H, W]` in 0..1, near white, background black.

        One range for all views, so that a turntable does not flicker.
        """
        solid = self.depth[self.masks > 0.5]
        if solid.numel() == 0:
            return torch.zeros_like(self.depth)
        near, far = solid.min(), solid.max()
        return ((far - self.depth) / (far - near).clamp(min=1e-6)).clamp(0.0, 1.0) * self.masks


def render_views(
    generator: Generator3D,
    ws: Tensor,
    cameras: Tensor,
    chunk: int | None = None,
    on_view: OnView | None = None,
    *,
    planes: Tensor | None = None,
    ray_chunk: int | None = None,
) -> Views:
    """Render one latent from any number of cameras; its planes are computed once.

    Args:
        generator: an EG3D generator.
        ws: `[1, num_ws, w_dim]`.
        cameras: labels `[N, 25]`.
        chunk: views rendered together; None for 4, on a CPU for 1, whose caches hold no more.
        on_view: progress; raising from it stops the run.
        planes: planes of `ws`, if they are at hand.
        ray_chunk: rays evaluated together, where memory is short.
    """
    if ws.shape[0] != 1:
        raise ITPortraitError(f"Views are rendered of one latent, got {ws.shape[0]}; loop over them.")
    if chunk is None:
        chunk = 4 if on_card(ws) else 1
    if chunk < 1:
        raise ITPortraitError(f"The number of views rendered together must be 1 or more, got {chunk}.")
    if checked(cameras).shape[0] == 0:
        raise ITPortraitError("There are no cameras to render from; give at least one.")
    parts = []
    with torch.no_grad():
        planes = generator.planes(ws) if planes is None else planes
        cameras = cameras.to(planes)
        for batch in cameras.split(chunk):
            render = generator.render(planes, ws, batch, ray_chunk=ray_chunk)
            check_drawn(render.image, "The picture")
            parts.append(_complete(generator, planes, batch, render))
            if on_view is not None:
                on_view(sum(p[0].shape[0] for p in parts), cameras.shape[0], render.image)
    return Views(*(torch.cat(part) for part in zip(*parts, strict=True)))


def check_drawn(values: Tensor, what: str) -> None:
    """Refuse what a generator draws where it is not finite: weights may be finite and too large all the same.

    Raises:
        ITPortraitError: naming what was drawn.
    """
    if not bool(torch.isfinite(values).all()):
        raise ITPortraitError(
            f"{what} holds numbers that are not finite (NaN or infinity): these weights, or this person's "
            "latent, are far too large. Choose another generator or person."
        )


def surface_points(cameras: Tensor, depth: Tensor) -> Tensor:
    """World points `[N, R*R, 3]` at `depth [N, 1, R, R]` along the pixels' rays, row by row."""
    origins, directions = make_rays(*split_label(cameras), depth.shape[-1])
    return origins + directions * depth.reshape(len(depth), -1, 1)


def field_normals(generator: Generator3D, planes: Tensor, points: Tensor, step: float) -> Tensor:
    """Outward unit normals `[B, P, 3]`: minus the density's slope, by central differences `step` apart.

    Differences over about a plane texel also smooth the staircase that bilinear planes put into the exact
    slope.
    """
    offsets = step * torch.eye(3, dtype=points.dtype, device=points.device)
    slope = [generator.density(planes, points + o) - generator.density(planes, points - o) for o in offsets]
    return -F.normalize(torch.cat(slope, -1), dim=-1)


def texel(generator: Generator3D, planes: Tensor) -> float:
    """Side of a plane texel, world units."""
    return generator.config.rendering.box_warp / planes.shape[-1]


def _complete(
    generator: Generator3D, planes: Tensor, cameras: Tensor, render: RenderOutput
) -> tuple[Tensor, ...]:
    """Image, depth, mask, world and camera normals of one batch, all at the output size."""
    size = render.image.shape[-2:]
    points = surface_points(cameras, render.image_depth)
    world = field_normals(
        generator, planes.expand(len(cameras), *planes.shape[1:]), points, texel(generator, planes)
    )
    world = world.transpose(1, 2).reshape(len(cameras), 3, *render.image_depth.shape[-2:])
    mask = _enlarge(render.image_weights, size).clamp(0.0, 1.0)
    # Depth and normals mean nothing where the ray hits nothing, so each pixel counts by its opacity.
    weight = render.image_weights + 1e-4
    depth = _enlarge(render.image_depth * weight, size) / _enlarge(weight, size)
    world = F.normalize(_enlarge(world * weight, size), dim=1) * mask
    axes = cam2world(cameras)[:, :3, :3] * cameras.new_tensor([1.0, -1.0, -1.0])
    return render.image, depth, mask, world, torch.einsum("nwc,nwhk->nchk", axes, world)


def _enlarge(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
