"""Forward and backward passes shared by the methods: planes once per latent, views one after another.

One view's graph is alive at a time: planes are computed once, detached, every view's loss is sent back into
them, and their summed gradient goes through the backbone once. That is exact, because every loss here is a
sum over views (docs/method.md#one-view-at-a-time). A card with room for the graphs of all views makes them
`together`: the same numbers from a third of the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D, RenderOutput
from ...networks.ops import on_card
from ...rendering.labels import front, orbit
from .terms import Target
from .trainable import device_of

CACHED_RAYS, CACHED_SIDE = 1024, 64
"""A CPU's caches hold about so many rays: larger neural renderings are made in such parts there."""
LEFT_OUT: Any = None
"""In place of pictures that no loss sees."""
LossOfViews = Callable[[RenderOutput, Sequence[int]], Tensor]
"""(render of some views with `.image [V * B, 3, H, W]`, their numbers) -> scalar share of the loss."""


def backward_by_view(
    generator: Generator3D,
    ws: Tensor,
    cameras: Tensor,
    loss_of_views: LossOfViews,
    *,
    side: int = 0,
    ray_chunk: int = 0,
    pictures: int | None = None,
    together: bool = False,
    planes: Tensor | None = None,
) -> Tensor:
    """Accumulate the gradient of a loss that is a sum over views; returns its value `[]`.

    Args:
        ws: [B, num_ws, w_dim].
        cameras: [V, 25], each shared by the batch.
        side: neural rendering resolution; 0 = the generator's own.
        ray_chunk: recompute rays in chunks of this size instead of keeping them; 0 = keep all.
        pictures: number of views that the loss sees pictures of; of those after them only depth and opacity.
            None for all.
        together: all views that show pictures at once, and all others; needs the memory of all.
        planes: of `ws`, where nobody trains the backbone (`SharedPlanes`); made here where None.
    """
    shared = planes is not None
    planes = generator.planes(ws) if planes is None else planes
    leaf = planes.detach().requires_grad_(not shared or ray_chunk > 0)  # a checkpoint wants some gradient
    total = ws.new_zeros(())
    count = len(cameras) if pictures is None else pictures
    for views in _groups(count, len(cameras), together):
        render = render_view(
            generator, leaf, ws, cameras[views.start : views.stop], side=side, ray_chunk=ray_chunk,
            picture=views.start < count,
        )  # fmt: skip
        loss = loss_of_views(render, views)
        loss.backward()
        total += loss.detach()
    if leaf.grad is not None and planes.requires_grad:
        planes.backward(leaf.grad)
    return total


def _groups(pictures: int, views: int, together: bool) -> list[range]:
    """Views that are made at once: those with pictures come first."""
    if together:
        return [part for part in (range(pictures), range(pictures, views)) if part]
    return [range(v, v + 1) for v in range(views)]


def render_view(
    generator: Generator3D,
    planes: Tensor,
    ws: Tensor,
    camera: Tensor,
    *,
    side: int = 0,
    ray_chunk: int = 0,
    picture: bool = True,
) -> RenderOutput:
    """Render a batch of planes [B,...] from cameras [V, 25] that everybody shares: V * B, view after view.

    `picture` False leaves `image` and `image_raw` out: depth and opacity need no super-resolution.
    """
    batch = planes.shape[0]
    cameras = camera.expand(batch, -1) if len(camera) == 1 else camera.repeat_interleave(batch, 0)
    checkpoint, chunk = ray_chunk > 0, ray_chunk
    if not chunk and not on_card(planes) and (side or generator.neural_rendering_resolution) > CACHED_SIDE:
        chunk = CACHED_RAYS
    options: dict[str, Any] = {
        "neural_rendering_resolution": side or None, "ray_chunk": chunk or None, "checkpoint": checkpoint
    }  # fmt: skip
    if picture:
        return generator.render(planes, ws, cameras, **options)
    volume = generator.render_volume(planes, cameras, colors=False, **options)
    return RenderOutput(LEFT_OUT, LEFT_OUT, volume.image_depth, volume.image_weights)


@torch.no_grad()
def render_each(
    generator: Generator3D,
    ws: Tensor,
    cameras: Tensor,
    *,
    side: int = 0,
    picture: bool = True,
    together: bool = False,
    planes: Tensor | None = None,
) -> list[RenderOutput]:
    """Renders of a batch of latents from every camera [V, 25], without gradients; options as above."""
    planes = generator.planes(ws) if planes is None else planes
    if not together:
        return [
            render_view(generator, planes, ws, camera[None], side=side, picture=picture) for camera in cameras
        ]
    return split_views(render_view(generator, planes, ws, cameras, side=side, picture=picture), len(cameras))


def sum_of(losses: Iterable[Tensor]) -> Tensor:
    """The sum of one loss or more."""
    first, *rest = losses
    return sum(rest, start=first)


def split_views(render: RenderOutput, count: int) -> list[RenderOutput]:
    """The views of a render of V * B pictures, one by one."""
    if count == 1:
        return [render]
    parts = (render.image, render.image_raw, render.image_depth, render.image_weights)
    chunks = [[None] * count if part is None else part.chunk(count) for part in parts]
    return [RenderOutput(*view) for view in zip(*chunks, strict=True)]


def fit_picture(image: Tensor, side: int) -> Tensor:
    """A picture [B,3,H,W] at `side` pixels: averaged down, or enlarged bicubically."""
    if image.shape[-1] == side:
        return image
    if image.shape[-1] > side:
        return F.interpolate(image, (side, side), mode="area")
    return F.interpolate(image, (side, side), mode="bicubic", align_corners=False).clamp(-1, 1)


@torch.no_grad()
def target_of(image: Tensor, side: int, perceptual: Perceptual) -> Target:
    """A picture [B,3,H,W] as renders of `side` pixels are compared with it."""
    picture = fit_picture(image, side)
    return Target(picture, perceptual.features(picture))


def draw_latents(generator: Generator3D, count: int, rng: torch.Generator) -> Tensor:
    """M(z) for fresh z: [count, num_ws, w_dim], conditioned on the front camera, psi = 1."""
    device = device_of(generator)
    with torch.no_grad():
        z = torch.randn(count, generator.z_dim, generator=rng).to(device)
        return generator.mapping(z, front(count).to(device))


class PreviewStrip:
    """Pictures of one person by the frozen generator and by those in training; the frozen ones are kept."""

    def __init__(self, g_o: Generator3D, ws: Tensor, camera: Tensor | None = None) -> None:
        """`camera`: [1, 25] of the first view, the front where None; the second view is from the side."""
        self.g_o, self.ws = g_o, ws
        first = front() if camera is None else camera
        self.views = torch.cat([first.to(ws.device), orbit(35.0).to(ws)])
        self.source_pictures: Tensor | None = None

    def show(self, *trained: Generator3D) -> Tensor:
        """[2 + 2 * len(trained), 3, H, W] in [-1, 1]: both views of the frozen one, then of the others."""
        if self.source_pictures is None:
            self.source_pictures = self._pictures(self.g_o)
        return torch.cat([self.source_pictures, *(self._pictures(one) for one in trained)])

    def _pictures(self, generator: Generator3D) -> Tensor:
        renders = render_each(generator, self.ws, self.views)
        return torch.cat([render.image for render in renders]).clamp(-1, 1)
