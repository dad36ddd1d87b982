"""EG3D: tri-planes, a neural renderer, and super-resolution (docs/eg3d.md)."""

from __future__ import annotations

from ..eg3d_config import EG3DConfig, RenderingConfig, SuperResolutionConfig
from ..family import Family
from ..generator3d import RenderOutput
from .generator import EG3DGenerator
from .names import NAMES
from .official import OFFICIAL

__all__ = [
    "FAMILY",
    "EG3DConfig",
    "EG3DGenerator",
    "RenderOutput",
    "RenderingConfig",
    "SuperResolutionConfig",
]

FAMILY = Family("eg3d", EG3DConfig, EG3DGenerator, NAMES, OFFICIAL)
