"""Frozen settings of the methods. Importing this module loads no torch."""

from __future__ import annotations

from .couple.config import GATES, MEASURES, ITEConfig
from .inversion.config import POSE_INITS, InversionConfig
from .presets import PRESETS, RESTATED, about, methods_of, preset
from .shared.config import MODULES, Config, map_layers
from .shared.presets import suited
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
