"""Generators composited in space: one inside a region of the box, another outside (docs/method.md#region)."""

from __future__ import annotations

from ..family import Family
from .config import RegionConfig
from .generator import RegionGenerator
from .names import NAMES, OFFICIAL

__all__ = ["FAMILY", "RegionConfig", "RegionGenerator"]

FAMILY = Family("region", RegionConfig, RegionGenerator, NAMES, OFFICIAL)
