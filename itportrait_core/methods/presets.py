"""The presets of the methods by name (see `shared.presets`)."""

from __future__ import annotations

from ..errors import ITPortraitError
from .couple.config import ITEConfig
from .inversion.config import InversionConfig
from .shared.config import Config
from .shared.presets import preset_of
from .stylize.config import APTConfig
from .tuning.config import TuningConfig

PRESETS = ("paper", "released", "recommended")
METHODS: dict[str, type[Config]] = {
    kind.method: kind for kind in (InversionConfig, APTConfig, ITEConfig, TuningConfig)
}


def preset(method: str, name: str = "paper") -> Config:
    """The config of `method` (inversion, apt, ite or tuning) in one preset.

    Raises:
        ITPortraitError: for an unknown preset or method.
    """
    if name not in PRESETS or method not in METHODS:
        raise ITPortraitError(
            f"No preset {name!r} for {method!r}; presets are {', '.join(PRESETS)}, "
            f"methods {', '.join(METHODS)}."
        )
    return preset_of(METHODS[method], name)
