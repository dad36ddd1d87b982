"""What every settings class is made of: one base, and fields that carry their range and meaning.

Networks, methods, meshes and splats all build on `Config`. Nothing here imports torch, so that node schemas
and the command line read defaults, ranges and help texts without loading anything heavy.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from .errors import ITPortraitError
from .old_names import SETTINGS, renamed
from .plain_types import describe, fits_type, is_finite

Self = TypeVar("Self", bound="Config")
Number = TypeVar("Number", int, float)
Many = TypeVar("Many", bound=tuple)
Value = TypeVar("Value")


def number(default: Number, low: float, high: float, about: str) -> Number:
    """A number field. An int default makes an int field. `about`: meaning, unit, source."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "about": about})


def weight(default: float, high: float, about: str) -> float:
    """A number field that is the weight of the loss term of its name (`terms.TERMS`), from 0."""
    meta = {"low": 0.0, "high": high, "about": about, "weight": True}
    return dataclasses.field(default=default, metadata=meta)


def choice(default: str, options: tuple[str, ...], about: str) -> str:
    """A field with a fixed set of words."""
    return dataclasses.field(default=default, metadata={"options": options, "about": about})


def flag(default: bool, about: str) -> bool:
    """A yes/no field."""
    return dataclasses.field(default=default, metadata={"about": about})


def text(default: str, about: str) -> str:
    """A field of free words."""
    return dataclasses.field(default=default, metadata={"about": about})


def many(default: Many, about: str) -> Many:
    """A field that holds a tuple (layers, betas, ranges, module names)."""
    return dataclasses.field(default=default, metadata={"about": about})


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of all frozen settings: validated when made, JSON in both directions, settings within settings.

    Attributes:
        method: the name of a method's settings in presets and messages; "" for other settings.
    """

    method: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            self._check(item)

    def _check(self, item: dataclasses.Field) -> None:
        value, name = getattr(self, item.name), f"{type(self).__name__}.{item.name}"
        meta = item.metadata
        if "options" in meta and value not in meta["options"]:
            raise ITPortraitError(f"{name} is {describe(value)}; choose one of {', '.join(meta['options'])}.")
        judged = "options" not in meta and "low" not in meta and not isinstance(value, Config)
        if judged and not fits_type(value, str(item.type)):
            raise ITPortraitError(
                f"{name} is {describe(value)}; give what it is declared as: {item.type}, with finite numbers."
            )
        if "low" in meta:
            whole = isinstance(item.default, int)
            wrong = isinstance(value, bool) or not isinstance(value, int if whole else (int, float))
            if wrong or not is_finite(value):
                raise ITPortraitError(
                    f"{name} is {describe(value)}; give a{' whole' if whole else ''} number."
                )
            if not meta["low"] <= value <= meta["high"]:
                raise ITPortraitError(f"{name} is {value}; it must lie in {meta['low']}..{meta['high']}.")

    def weights(self) -> dict[str, float]:
        """Weights of the loss terms, by name, where they are above 0."""
        names = [item.name for item in dataclasses.fields(self) if item.metadata.get("weight")]
        return {name: getattr(self, name) for name in names if getattr(self, name) > 0}

    def replace(self: Self, **changes: object) -> Self:
        """A copy with some fields changed; settings within settings take a dict of changes.

        Raises:
            ITPortraitError: for unknown names and bad values.
        """
        for name in self.inner():
            inner = changes.get(name)
            if isinstance(inner, dict):
                changes[name] = getattr(self, name).replace(**inner)
        return self.from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values, field by field."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {
            name: value.to_dict() if isinstance(value, Config) else value for name, value in values.items()
        }

    @classmethod
    def from_dict(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """The config from `to_dict`'s values, or from JSON (lists become tuples).

        Raises:
            ITPortraitError: for names that it does not know, and bad values.
        """
        known = {item.name for item in dataclasses.fields(cls)}
        given = renamed(values, SETTINGS)
        unknown = sorted(set(given) - known)
        if unknown:
            raise ITPortraitError(f"{cls.__name__} has no setting {unknown[0]!r}; it knows {sorted(known)}.")
        for name, kind in cls.inner().items():
            value = given.get(name)
            if isinstance(value, Mapping):
                given[name] = kind.from_dict(value)
            elif name in given and not isinstance(value, kind):
                raise ITPortraitError(f"{name} is {describe(value)}; give its settings by name.")
        return cls(**{name: _tupled(value) for name, value in given.items()})

    @classmethod
    def inner(cls) -> dict[str, type[Config]]:
        """Fields that are settings themselves, with their classes."""
        hints = typing.get_type_hints(cls)
        kinds = {item.name: hints[item.name] for item in dataclasses.fields(cls)}
        return {
            name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Config)
        }


def _tupled(value: Value) -> Value | tuple | dict:
    if isinstance(value, dict):
        return {name: _tupled(item) for name, item in value.items()}
    return tuple(_tupled(item) for item in value) if isinstance(value, (list, tuple)) else value
