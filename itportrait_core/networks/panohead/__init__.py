"""PanoHead: whole heads, from tri-grids before a background (docs/eg3d.md#panohead)."""

from __future__ import annotations

from ..eg3d.names import NAMES
from ..family import Family
from .generator import PanoHeadConfig, PanoHeadGenerator, sample_grids
from .official import OFFICIAL

__all__ = ["FAMILY", "PanoHeadConfig", "PanoHeadGenerator", "sample_grids"]

FAMILY = Family("panohead", PanoHeadConfig, PanoHeadGenerator, NAMES, OFFICIAL)
