"""What the configs of the methods share: the fields' kinds, the parts that are trained, and layer numbers."""

from __future__ import annotations

from ...config import Config, choice, flag, many, number, text, weight
from ...errors import ITPortraitError

__all__ = ["MODULES", "Config", "choice", "flag", "many", "map_layers", "number", "text", "weight"]

MODULES = ("synthesis", "superresolution", "decoder")
"""Parts of a generator that can be trained (paper 5.1)."""


def map_layers(layers: tuple[int, ...], given_for: int, num_ws: int) -> list[int]:
    """Layer indices given for a network of `given_for` latents, in one that has `num_ws`.

    Layers are counted from the end, because the end is where colour and fine texture live whatever
    the size: "9-13 of 14" means the last five. Indices that fall off the front are dropped.

    Raises:
        ITPortraitError: if an index is outside `0..given_for-1`.
    """
    for index in layers:
        if not 0 <= index < given_for:
            raise ITPortraitError(f"Layer {index} is outside 0..{given_for - 1}; layers are 0-based.")
    shifted = sorted({num_ws - (given_for - index) for index in layers})
    return [index for index in shifted if index >= 0]
