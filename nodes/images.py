"""Pictures between ComfyUI (`[B,H,W,C]` in [0,1]) and the core (`[B,3,H,W]` in [-1,1])."""

from __future__ import annotations

from typing import TYPE_CHECKING

import comfy.model_management as mm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..itportrait_core.alignment.pictures import to_rgb
from ..itportrait_core.errors import ITPortraitError

if TYPE_CHECKING:
    from ..itportrait_core.networks.generator3d import Generator3D


def own_background(model: Generator3D | None) -> float:
    """Grey level in [0,1] of what a generator draws where nothing is; white where none is given."""
    return 1.0 if model is None or model.config.rendering.white_back else 0.0


def one_picture(image: Tensor, what: str, mask: Tensor | None = None, *, background: float = 1.0) -> Tensor:
    """The only picture of a batch as the core wants it, `[1,3,H,W]`, laid over a background.

    Args:
        image: IMAGE, `[B,H,W,C]` in [0,1]; a fourth channel is its opacity.
        what: the node's name for the picture, for messages.
        mask: MASK `[B,H,W]`, 1 where the picture is cut away, as Load Image gives it; None cuts nothing away.
        background: grey level in [0,1] of what shows there.

    Raises:
        ITPortraitError: for a batch, and for what is no picture.
    """
    if image.ndim == 4 and image.shape[0] != 1:
        raise ITPortraitError(
            f"{what} must be one picture, got a batch of {image.shape[0]}. Use 'ImageFromBatch' to pick one."
        )
    if mask is not None and image.ndim == 4:
        visible = 1 - F.interpolate(
            mask.clone().float().reshape(-1, 1, *mask.shape[-2:])[:1], image.shape[1:3]
        )
        opacity = visible.movedim(1, -1) * (image[..., 3:] if image.shape[-1] == 4 else 1.0)
        image = torch.cat((image[..., :3].expand(-1, -1, -1, 3), opacity), -1)
    return to_rgb(image.clone(), background=background)


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
