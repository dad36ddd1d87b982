"""Settings of a composite: those of its layers, generators of one family and shape, and of its grid."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import ITPortraitError
from .. import families
from ..eg3d_config import EG3DConfig

MOST_LAYERS = 8
"""Generators in one composite; each costs a pass over every point and one of super-resolution."""
MOST_POINTS = 256
"""Points along a side of the grid."""


@dataclass(frozen=True)
class RegionConfig(EG3DConfig):
    """The settings that all families share are those of every layer."""

    kind: str = "eg3d"
    """Family of the layers."""
    more: dict[str, Any] = field(default_factory=dict)
    """Settings that this family has beyond EG3D's."""
    layers: int = 2
    """Number of generators; the first is drawn wherever no other is."""
    grid: int = 96
    """Points along a side of the grid of weights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.layers <= MOST_LAYERS or not 2 <= self.grid <= MOST_POINTS:
            raise ITPortraitError(
                f"A composite has 2 to {MOST_LAYERS} generators on a grid of 2 to {MOST_POINTS} points, not"
                f" {self.layers} on {self.grid}; use fewer regions."
            )

    @property
    def layer(self) -> EG3DConfig:
        """Settings of one layer."""
        kind = families.family(self.kind).config
        if issubclass(kind, RegionConfig):
            raise ITPortraitError("A layer of a composite is no composite; get the file again.")
        shared = {item.name: getattr(self, item.name) for item in fields(EG3DConfig)}
        return kind(**shared).replace(**self.more) if self.more else kind(**shared)

    @classmethod
    def of(cls, kind: str, layer: EG3DConfig, layers: int, grid: int) -> RegionConfig:
        """The settings of a composite of so many generators with the settings `layer`."""
        shared = [item.name for item in fields(EG3DConfig)]
        values = {item.name: getattr(layer, item.name) for item in fields(layer)}
        return cls(
            **{name: values.pop(name) for name in shared}, kind=kind, more=values, layers=layers, grid=grid
        )
