"""Texture: how strongly the fine features of a picture vary over a head, wherever they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from .perceptual import Perceptual

LEVELS = 3
"""Feature maps of the trunk that are measured, finest first; the coarser ones tell who it is."""
SMALLEST = 1e-4
"""Added to variances: features that hardly vary are no texture."""


def texture(perceptual: Perceptual, image: Tensor, opacity: Tensor) -> list[Tensor]:
    """Logarithm of the standard deviation over the head of every channel, `[B, C]` for each of `LEVELS` maps.

    Args:
        image: [B, 3, H, W] in [-1, 1].
        opacity: [B, 1, h, w] in [0, 1], of the head; weighs the pixels.
    """
    whole = F.interpolate(opacity, image.shape[-2:], mode="bilinear", align_corners=False)
    out = []
    for features in perceptual.maps(image)[:LEVELS]:
        weight = F.interpolate(whole, features.shape[-2:], mode="area")
        weight = weight / weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
        mean = (features * weight).sum((2, 3), keepdim=True)
        variance = ((features - mean).square() * weight).sum((2, 3))
        out.append((variance + SMALLEST).log() / 2)
    return out


def texture_change(before: Sequence[Tensor], after: Sequence[Tensor]) -> list[Tensor]:
    """What a style does to textures: their difference, map by map."""
    return [new - old for old, new in zip(before, after, strict=True)]


def texture_difference(change: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean squared difference [B] of two changes, over the channels of a map and then over the maps."""
    gaps = [(one - other).square().mean(1) for one, other in zip(change, wanted, strict=True)]
    return sum(gaps[1:], start=gaps[0]) / len(gaps)
