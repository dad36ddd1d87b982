"""Frozen settings of the methods. Importing this package loads no torch."""

from __future__ import annotations

from .apt import MODULES, APTConfig
from .fields import Config, map_layers
from .inversion import POSE_INITS, InversionConfig
from .ite import GATES, MEASURES, ITEConfig
from .presets import PRESETS, preset
from .tuning import BlendConfig, TuningConfig

__all__ = [
    "GATES",
    "MEASURES",
    "MODULES",
    "POSE_INITS",
    "PRESETS",
    "APTConfig",
    "BlendConfig",
    "Config",
    "ITEConfig",
    "InversionConfig",
    "TuningConfig",
    "map_layers",
    "preset",
]
