"""The losses that APT and ITE share: what pictures of any person keep beside style and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ...guidance.background import background_difference, empty_space, opacity
from ...guidance.colour import colour_excess
from ...guidance.depth import depth_difference
from .config import Config

Terms = dict[str, Callable[[], Tensor]]
"""Losses by name, each counted only when called."""


def weights_of(config: Config, names: Sequence[str]) -> dict[str, float]:
    """Those of the settings `names` that have a weight."""
    return {name: getattr(config, name) for name in names if getattr(config, name) > 0}


def shared_terms(render: Any, source: Any, allowed: float) -> Terms:
    """Shape and empty space of `source`, a white background, and no more chroma than `allowed`.

    Args:
        seen, source: renders of the same person from the same view, by the trained and by the untrained
            generator. `source` may be None where neither `depth` nor `empty` is called.
        allowed: as `allowed_chroma` gives it.
    """
    return {
        "depth": lambda: depth_difference(render.image_depth, source.image_depth).mean(),
        "empty": lambda: opacity(render, empty_space(source)),
        "background": lambda: background_difference(render),
        "colour": lambda: colour_excess(render.image, allowed),
    }
