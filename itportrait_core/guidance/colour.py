"""How colourful pictures are: a drawing in greys says that its style has no colours, whoever is drawn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 0.1
"""Chroma below which a picture counts as grey; old paper and warm stone have some."""
MOST = 0.99
"""Share of a picture's pixels that are judged; the rest may be specks."""
MARGIN = 2.0
"""How much more chroma than the picture others may have."""
CELLS = 16
"""Cells per side of the grid on which `palette_difference` compares colours."""
LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the lightness of a pixel (ITU-R BT.601)."""
LIGHT_SHARE = 0.1
"""What lightness counts of what the rest counts in `palette_difference`."""


def luma(image: Tensor) -> Tensor:
    """Light and dark [B, 1, H, W] of pictures [B, 3, H, W]."""
    return torch.einsum("bchw,c->bhw", image, image.new_tensor(LUMA))[:, None]


def tint(image: Tensor) -> Tensor:
    """What is left of pictures [B, 3, H, W] without light and dark: [B, 3, H, W], 0 for greys."""
    return image - luma(image)


def chroma(image: Tensor) -> Tensor:
    """[B, H, W], 0 for greys, 1 for pure colours: the widest gap between channels of [B, 3, H, W]."""
    return (image.amax(dim=1) - image.amin(dim=1)) / 2


@torch.no_grad()
def allowed_chroma(picture: Tensor) -> float:
    """The chroma that others may have beside a grey picture [1, 3, H, W] in [-1, 1].

    Beside a picture with colours all, 1: it does not tell which others its style has.
    """
    pixels = chroma(picture.clamp(-1, 1)).flatten().sort().values
    most = float(pixels[round(MOST * (len(pixels) - 1))])
    return MARGIN * most if most < GREY else 1.0


def colour_excess(image: Tensor, allowed: float) -> Tensor:
    """Mean chroma beyond `allowed` of pictures [B, 3, H, W], `[]`."""
    return (chroma(image) - allowed).clamp_min(0).mean()


def palette_difference(image: Tensor, other: Tensor) -> Tensor:
    """Squared difference [B] of two pictures' colours on a grid of `CELLS` x `CELLS`.

    Lightness counts `LIGHT_SHARE` of what the rest counts: one picture tells how light a style is, but not
    what another hair colour becomes in it.
    """
    gap = F.adaptive_avg_pool2d(image - other, CELLS)
    light = luma(gap)
    return (gap - light).square().mean(dim=(1, 2, 3)) + LIGHT_SHARE * light.square().mean(dim=(1, 2, 3))
