"""Checks of the fields of a line; each refuses what it does not know, with the field and its value."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import ITPortraitError
from .job import SETTINGS, Source, Weights
from .places import EMBEDDED, check_name
from .settings import check_changes

MOST_VIEWS, LONGEST_TEXT = 64, 500
Value = TypeVar("Value")


class Shared:
    """Equal parts of many lines, which stand in memory once and are checked once."""

    def __init__(self) -> None:
        self._parts: dict[Any, Any] = {}

    def once(self, value: Value) -> Value:
        """The first of all values that are equal to this one."""
        return self._parts.setdefault(value, value)

    def checked(self, check: Callable[[Any], Value], value: object) -> Value:
        """`check(value)`, done once for equal values."""
        key = (check.__name__, json.dumps(value, sort_keys=True))
        if key not in self._parts:
            self._parts[key] = check(value)
        return self._parts[key]


def only(value: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    """Refuse fields that are not known."""
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise ITPortraitError(
            f"{what} has the unknown field {unknown[0][:60]!r}; it knows {', '.join(names)}"
        )


def source(value: object, what: str, *kinds: str) -> Source:
    """A picture, portrait or seed; `kinds` are those that are allowed, all where none is given."""
    allowed = kinds or ("picture", "portrait", "seed")
    if not isinstance(value, dict):
        raise ITPortraitError(f"{what} is {str(value)[:60]!r}; it must be an object")
    given = [kind for kind in ("picture", "portrait", "seed") if kind in value]
    if len(given) != 1 or given[0] not in allowed:
        raise ITPortraitError(f"{what} has {given}; exactly one of {', '.join(allowed)} is needed")
    if given[0] == "seed":
        only(value, ("seed", "truncation"), what)
        seed = number(value["seed"], 0, 2**31 - 1, f"{what}.seed", whole=True)
        psi = number(value.get("truncation", 0.7), 0.0, 1.2, f"{what}.truncation")
        return Source("seed", seed=int(seed), truncation=psi)
    only(value, (given[0], "sha256"), what)
    name = check_name(value[given[0]], f"{what}.{given[0]}")
    return Source(given[0], name, _sha256(value.get("sha256"), f"{what}.sha256"))


def weights(value: object, what: str) -> Weights:
    """A file of weights: embedded, or safetensors."""
    if not isinstance(value, dict):
        raise ITPortraitError(f"{what} is {str(value)[:60]!r}; it must be an object")
    only(value, ("file", "sha256", "family", "license"), what)
    name = check_name(value.get("file"), f"{what}.file")
    if name != EMBEDDED and not name.endswith(".safetensors"):
        raise ITPortraitError(
            f"{what}.file is {name[:60]!r}; weights are .safetensors files, or {EMBEDDED!r}"
        )
    if name == EMBEDDED and "sha256" not in value:
        return Weights()
    return Weights(name, _sha256(value.get("sha256"), f"{what}.sha256"))


def prior(value: object) -> dict[str, Weights]:
    """The networks of the photo twin, by role."""
    roles = ("generator", "encoder", "pose", "identity")
    if not isinstance(value, dict) or not set(value) <= set(roles):
        raise ITPortraitError(f"settings.prior is {str(value)[:60]!r}; its roles are {', '.join(roles)}")
    return {role: weights(one, f"settings.prior.{role}") for role, one in sorted(value.items())}


def clips(value: object) -> tuple[Weights, ...]:
    """The CLIPs that guide."""
    if not isinstance(value, list) or len(value) > 8:
        raise ITPortraitError(f"settings.clips is {str(value)[:60]!r}; it must be a list of at most 8")
    return tuple(weights(one, f"settings.clips[{index}]") for index, one in enumerate(value))


def changes(value: object) -> dict[str, dict[str, Any]]:
    """Settings by method and field; every value lies in the range of its field."""
    if not isinstance(value, dict) or not set(value) <= set(SETTINGS):
        raise ITPortraitError(f"settings.changes is {str(value)[:60]!r}; methods are {', '.join(SETTINGS)}")
    for name, fields in value.items():
        if not isinstance(fields, dict):
            raise ITPortraitError(f"settings.changes.{name} is {str(fields)[:60]!r}; it must be an object")
    check_changes(value)
    return value


def views(value: object) -> tuple[tuple[float, float], ...]:
    """Degrees of yaw and pitch of every view."""
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VIEWS:
        raise ITPortraitError(f"settings.views is {str(value)[:60]!r}; it must list 1 to {MOST_VIEWS} views")
    out = []
    for index, view in enumerate(value):
        what = f"settings.views[{index}]"
        if not isinstance(view, list) or len(view) != 2:
            raise ITPortraitError(f"{what} is {str(view)[:60]!r}; write [yaw, pitch] in degrees")
        out.append((number(view[0], -180.0, 180.0, what), number(view[1], -89.0, 89.0, what)))
    return tuple(out)


def text(value: object) -> str:
    """What the portraits become."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ITPortraitError(
            f"settings.text is {str(value)[:60]!r}; it must have at most {LONGEST_TEXT} letters"
        )
    return value


def number(value: object, low: float, high: float, what: str, *, whole: bool = False) -> float:
    """A finite number between two others."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ITPortraitError(
            f"{what} is {str(value)[:60]!r}; it must be a{' whole' if whole else ''} number"
        )
    if not math.isfinite(value):
        raise ITPortraitError(f"{what} is {str(value)[:60]!r}; it must be a finite number")
    if not low <= value <= high:
        raise ITPortraitError(f"{what} is {str(value)[:60]}; it must lie in {low}..{high}")
    return value if whole else float(value)


def _sha256(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ITPortraitError(f"{what} is {str(value)[:70]!r}; it must be 64 hexadecimal digits")
    return value


def one_of(value: object, options: Sequence[str], what: str) -> str:
    """One of several words."""
    if not isinstance(value, str) or value not in options:
        raise ITPortraitError(f"{what} is {str(value)[:60]!r}; choose one of {', '.join(map(repr, options))}")
    return value
