"""Settings of instant style."""

from __future__ import annotations

import dataclasses

from ..shared.config import Config, number


@dataclasses.dataclass(frozen=True)
class InstantConfig(Config):
    """One pass of the encoder, no training."""

    strength: float = number(1.0, 0.0, 2.0, "Factor on the code: 0 the untrained generator, 1 the style.")
