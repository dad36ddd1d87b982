"""Any picture a person may bring, as float RGB: alpha, 16 bits, EXIF rotation, CMYK, palettes and greys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import ITPortraitError

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 16
"""Pixels; anything smaller cannot hold a face."""


def to_rgb(picture: Any, *, background: float = 1.0) -> Tensor:
    """One picture as `[1, 3, H, W]` float32 in [-1, 1].

    Args:
        picture: a PIL image of any mode; a numpy array or tensor `[H, W]`, `[H, W, C]` or `[1, H, W, C]` with
            1 to 4 channels: 8 or 16 bit integers, or floats in 0..1 (values outside are clipped), as in
            ComfyUI.
        background: grey level in 0..1 that transparent parts are laid over.

    Raises:
        ITPortraitError: for other shapes or types, numbers that are not finite, or sides under 16 pixels.
    """
    values = _from_pil(picture) if hasattr(picture, "getbands") else _unit_floats(torch.as_tensor(picture))
    if values.ndim == 4 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in (1, 2, 3, 4):
        raise ITPortraitError(
            f"One picture [H, W, 1 to 4 channels] is needed, got shape {tuple(values.shape)}; pick one."
        )
    height, width, channels = values.shape
    if min(height, width) < MIN_SIDE:
        raise ITPortraitError(
            f"The picture is {width} x {height} pixels; at least {MIN_SIDE} a side are needed."
        )
    if not bool(torch.isfinite(values).all()):
        raise ITPortraitError("The picture holds numbers that are not finite; save it again as PNG.")
    colour = values[:, :, :1].expand(-1, -1, 3) if channels < 3 else values[:, :, :3]
    if channels in (2, 4):
        alpha = values[:, :, -1:]
        colour = colour * alpha + background * (1.0 - alpha)
    return (colour.clamp(0.0, 1.0) * 2.0 - 1.0).permute(2, 0, 1)[None].contiguous()


def _unit_floats(values: Tensor) -> Tensor:
    if values.is_floating_point():
        return (
            values.detach().cpu().float().clamp(0.0, 1.0) if torch.isfinite(values).all() else values.float()
        )
    if values.dtype == torch.bool:
        return values.cpu().float()
    if values.dtype not in (torch.uint8, torch.uint16, torch.int32):
        raise ITPortraitError(
            f"Pictures of type {values.dtype} are not known; use 8 or 16 bit integers or floats."
        )
    return values.cpu().float() / (255.0 if values.dtype == torch.uint8 else 65535.0)


def _from_pil(image: Image) -> Tensor:
    import numpy as np
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bit greys; PIL opens some of them as 32 bit
        return torch.from_numpy(np.asarray(image).astype(np.float32)) / 65535.0
    if image.mode == "F":
        values = torch.from_numpy(np.array(image))
        return values / (1.0 if float(values.max()) <= 1.0 else 255.0)
    see_through = "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBA", "RGBa")
    return torch.from_numpy(np.array(image.convert("RGBA" if see_through else "RGB"))).float() / 255.0
