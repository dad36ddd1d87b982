"""What a generator draws, and puts, where nothing is."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..networks.generator3d import RenderOutput

EMPTY = 0.02
"""Opacity of a ray below which nothing is there."""
SOLID = 0.5
"""Opacity from which a ray meets a head; fainter clouds beside it are none of it."""
RIM = 0.1
"""Width around a head that it may grow into, as a share of the picture's side; a hat needs so much."""


def empty_space(render: RenderOutput) -> Tensor:
    """[B, 1, h, w]: 1 where a render with `.image_weights [B, 1, h, w]` shows no head far and wide."""
    weights = render.image_weights
    rim = round(RIM * weights.shape[-1])
    return (F.max_pool2d(weights, 2 * rim + 1, 1, rim) < SOLID).to(weights)


def opacity(render: RenderOutput, empty: Tensor) -> Tensor:
    """Mean opacity of a render where `empty` is 1, `[]`.

    A picture alone allows clouds that have the background's colour from this side; from others they show.
    """
    return (render.image_weights * empty).sum() / empty.sum().clamp_min(1.0)


def stray_opacity(render: RenderOutput) -> Tensor:
    """Mean opacity far from everything solid in the same render, `[B]`: that of clouds."""
    empty, dims = empty_space(render), (1, 2, 3)
    return (render.image_weights * empty).sum(dim=dims) / empty.sum(dim=dims).clamp_min(1.0)


def background_difference(render: RenderOutput) -> Tensor:
    """Mean squared distance to white where a render shows no head, `[]`.

    CLIP has no opinion on the background, so directions in its space are followed there too: super-resolution
    tints it. Of use for generators with white empty space (`RenderingConfig.white_back`).

    Args:
        render: one with `.image [B, 3, H, W]` and `.image_weights [B, 1, h, w]`.
    """
    image = render.image
    near = F.max_pool2d(render.image_weights.detach(), 3, 1, 1)  # the rim of the head is not empty
    empty = (F.interpolate(near, image.shape[-2:], mode="nearest") < EMPTY).to(image)
    return ((image - 1).square() * empty).sum() / (image.shape[1] * empty.sum()).clamp_min(1.0)
