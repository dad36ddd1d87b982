"""Strengths of an instant style and of a blend (docs/style-prior.md, docs/method.md#blending)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import Config, number


@dataclasses.dataclass(frozen=True)
class BlendConfig(Config):
    """Strength of a style without training: theta_o + a (theta - theta_o), part by part.

    Example:
        >>> itp.BlendConfig(shape=0.5).to_dict()
        {'shape': 0.5, 'texture': 1.0, 'decoder': 1.0, 'superresolution': 1.0}
    """

    method: ClassVar[str] = "blend"

    shape: float = number(1.0, 0.0, 1.2, "Strength of coarse planes (32 px and below): head shape.")
    texture: float = number(1.0, 0.0, 1.2, "Strength of finer planes and their outputs: texture and colour.")
    decoder: float = number(1.0, 0.0, 1.2, "Strength of the decoder: colour and density of every point.")
    superresolution: float = number(1.0, 0.0, 1.2, "Strength of super-resolution: strokes and fine detail.")


@dataclasses.dataclass(frozen=True)
class InstantConfig(Config):
    """Instant style: one pass of the encoder, no training.

    Example:
        >>> itp.InstantConfig(strength=0.5).to_dict()
        {'strength': 0.5}
    """

    strength: float = number(1.0, 0.0, 2.0, "Factor on the code: 0 the untrained generator, 1 the style.")
