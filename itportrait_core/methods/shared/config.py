"""What the configs of the methods share: the fields' kinds, the parts that are trained, and layer numbers."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

from ...checkpoints.settings_check import describe, fits_type
from ...errors import ITPortraitError

__all__ = ["MODULES", "Config", "choice", "flag", "many", "map_layers", "number", "text", "weight"]

MODULES = ("synthesis", "superresolution", "decoder")
"""Parts of a generator that can be trained (paper 5.1)."""

Self = TypeVar("Self", bound="Config")


def number(default: float, low: float, high: float, about: str) -> Any:
    """A number field. An int default makes an int field. `about`: meaning, unit, source."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "about": about})


def choice(default: str, options: tuple[str, ...], about: str) -> Any:
    """A field with a fixed set of words."""
    return dataclasses.field(default=default, metadata={"options": options, "about": about})


def flag(default: bool, about: str) -> Any:
    """A yes/no field."""
    return dataclasses.field(default=default, metadata={"about": about})


def text(default: str, about: str) -> Any:
    """A field of free words."""
    return dataclasses.field(default=default, metadata={"about": about})


def many(default: tuple, about: str) -> Any:
    """A field that holds a tuple (layers, betas, ranges, module names)."""
    return dataclasses.field(default=default, metadata={"about": about})


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of the frozen method configs: validated when made, JSON in both directions."""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            self._check(item)

    def _check(self, item: dataclasses.Field) -> None:
        value, name = getattr(self, item.name), f"{type(self).__name__}.{item.name}"
        meta = item.metadata
        if "options" in meta and value not in meta["options"]:
            raise ITPortraitError(f"{name} is {describe(value)}; choose one of {', '.join(meta['options'])}.")
        plain = "options" not in meta and "low" not in meta
        if plain and not dataclasses.is_dataclass(value) and not fits_type(value, str(item.type)):
            raise ITPortraitError(
                f"{name} is {describe(value)}; give what it is declared as: {item.type}, finite numbers, for "
                f"instance {item.default!r}."
            )
        if "low" in meta:
            whole = isinstance(item.default, int)
            wrong = isinstance(value, bool) or not isinstance(value, int if whole else (int, float))
            if wrong or not math.isfinite(value):
                raise ITPortraitError(
                    f"{name} is {describe(value)}; give a{' whole' if whole else ''} number."
                )
            if not meta["low"] <= value <= meta["high"]:
                raise ITPortraitError(f"{name} is {value}; it must lie in {meta['low']}..{meta['high']}.")

    def replace(self: Self, **changes: Any) -> Self:
        """A copy with some fields changed; unknown names and bad values raise `ITPortraitError`."""
        return self.from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values, field by field."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls: type[Self], values: dict[str, Any]) -> Self:
        """The config from `to_dict`'s values, or from JSON (lists become tuples)."""
        known = {item.name for item in dataclasses.fields(cls)}
        values = renamed(values, SETTINGS)
        unknown = sorted(set(values) - known)
        if unknown:
            raise ITPortraitError(f"{cls.__name__} has no setting {unknown[0]!r}; it knows {sorted(known)}.")
        return cls(**{name: _tupled(value) for name, value in values.items()})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, (list, tuple)) else value


def map_layers(layers: tuple[int, ...], given_for: int, num_ws: int) -> list[int]:
    """Layer indices given for a network of `given_for` latents, in one that has `num_ws`.

    Layers are counted from the end, because the end is where colour and fine texture live whatever
    the size: "9-13 of 14" means the last five. Indices that fall off the front are dropped.

    Raises:
        ITPortraitError: if an index is outside `0..given_for-1`.
    """
    for index in layers:
        if not 0 <= index < given_for:
            raise ITPortraitError(f"Layer {index} is outside 0..{given_for - 1}; layers are 0-based.")
    shifted = sorted({num_ws - (given_for - index) for index in layers})
    return [index for index in shifted if index >= 0]
