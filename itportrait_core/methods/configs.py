"""Frozen settings of the methods, and their presets by name. Importing this module loads no torch."""

from __future__ import annotations

from ..errors import ITPortraitError
from .couple.config import GATES, MEASURES, ITEConfig
from .inversion.config import POSE_INITS, InversionConfig
from .shared.config import MODULES, Config, map_layers
from .shared.presets import preset_of, suited, table
from .style.config import BlendConfig
from .stylize.config import APTConfig
from .tuning.config import TuningConfig

__all__ = [
    "GATES",
    "MEASURES",
    "MODULES",
    "POSE_INITS",
    "PRESETS",
    "RESTATED",
    "APTConfig",
    "BlendConfig",
    "Config",
    "ITEConfig",
    "InversionConfig",
    "TuningConfig",
    "about",
    "map_layers",
    "methods_of",
    "preset",
    "suited",
]

RESTATED = tuple(name for name, entry in table().items() if "about" in entry)
"""Presets that restate another method with the means of this one (docs/method.md#restated-methods)."""
PRESETS = ("paper", "released", "recommended", *RESTATED)
METHODS: dict[str, type[Config]] = {
    kind.method: kind for kind in (InversionConfig, APTConfig, ITEConfig, TuningConfig, BlendConfig)
}


def about(name: str) -> dict[str, str]:
    """What a preset of `RESTATED` says of itself: name, source, equations, use, and how it differs.

    Raises:
        ITPortraitError: for a preset that restates nothing.
    """
    if name not in RESTATED:
        raise ITPortraitError(f"The preset {name!r} restates no other method; {', '.join(RESTATED)} do.")
    return dict(table()[name]["about"])


def methods_of(name: str) -> tuple[str, ...]:
    """The methods that a preset speaks of: all, or those through which it restates another."""
    return tuple(method for method in METHODS if name not in RESTATED or method in table()[name])


def preset(method: str, name: str = "paper") -> Config:
    """The config of `method` (inversion, apt, ite, tuning or blend) in one preset.

    Raises:
        ITPortraitError: for an unknown preset or method, or a method that the preset says nothing of.
    """
    if name not in PRESETS or method not in METHODS:
        raise ITPortraitError(
            f"No preset {name!r} for {method!r}; presets are {', '.join(PRESETS)}, "
            f"methods {', '.join(METHODS)}."
        )
    if method not in methods_of(name):
        raise ITPortraitError(
            f"The preset {name} says nothing of {method}; it restates {about(name)['name']} by"
            f" {', '.join(methods_of(name))}."
        )
    return preset_of(METHODS[method], name)
