"""Pictures between ComfyUI (`[B,H,W,C]` in [0,1]) and the core (`[B,3,H,W]` in [-1,1])."""

from __future__ import annotations

import comfy.model_management as mm
import torch
from PIL import Image
from torch import Tensor

from ..itportrait_core.alignment.pictures import to_rgb
from ..itportrait_core.errors import ITPortraitError


def one_picture(image: Tensor, what: str) -> Tensor:
    """The only picture of a batch as the core wants it, `[1,3,H,W]`; transparent parts turn white.

    Args:
        image: IMAGE, `[B,H,W,C]` in [0,1].
        what: the node's name for the picture, for messages.

    Raises:
        ITPortraitError: for a batch, and for what is no picture.
    """
    if image.ndim == 4 and image.shape[0] != 1:
        raise ITPortraitError(
            f"{what} must be one picture, got a batch of {image.shape[0]}. Use 'ImageFromBatch' to pick one."
        )
    return to_rgb(image.clone())


def to_comfy(pictures: Tensor) -> Tensor:
    """IMAGE `[B,H,W,3]` in [0,1] of pictures `[B,3,H,W]` in [-1,1], where ComfyUI keeps results."""
    image = (pictures.detach().float().clamp(-1, 1) + 1) / 2
    return image.movedim(1, -1).contiguous().to(mm.intermediate_device())


def to_comfy_unbounded(values: Tensor) -> Tensor:
    """IMAGE `[B,H,W,C]` of maps `[B,C,H,W]` whose numbers mean something, such as distances."""
    return values.detach().float().movedim(1, -1).contiguous().to(mm.intermediate_device())


def preview_grid(pictures: Tensor) -> Image.Image:
    """Pictures `[n,3,H,W]` in [-1,1]: two side by side, more in pairs, each pair a column."""
    count = pictures.shape[0]
    rows = 2 if count > 2 and count % 2 == 0 else 1
    columns = [torch.cat(list(pictures[i : i + rows]), dim=1) for i in range(0, count, rows)]
    values = (torch.cat(columns, dim=2).detach().float().cpu().clamp(-1, 1) + 1) * 127.5
    return Image.fromarray(values.round().to(torch.uint8).movedim(0, -1).contiguous().numpy())
