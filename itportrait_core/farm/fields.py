"""Checks of the fields of a line; each refuses what it does not know, with the field and its value."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..checkpoints.names import safe_name
from ..errors import ITPortraitError
from ..plain_types import is_finite
from .job import ROLES, SETTINGS, SOURCES, Source, Weights
from .places import EMBEDDED
from .settings import check_changes

MOST_VIEWS, MOST_CLIPS, LONGEST_TEXT = 64, 8, 500
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


def mismatch(what: str, value: object, wanted: str) -> ITPortraitError:
    """The error that names a field, its value and what it must be."""
    return ITPortraitError(f"{what} is {str(value)[:80]!r}; {wanted}")


def only(value: object, names: Sequence[str], what: str) -> dict[str, Any]:
    """An object whose fields are all known."""
    if not isinstance(value, dict):
        raise mismatch(what, value, "it must be an object")
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise ITPortraitError(
            f"{what} has the unknown field {unknown[0][:60]!r}; it knows {', '.join(names)}"
        )
    return value


def source(value: object, what: str, *kinds: str) -> Source:
    """A picture, portrait or seed; `kinds` are those that are allowed, all where none is given."""
    allowed = kinds or SOURCES
    given = only(value, (*SOURCES, "sha256", "truncation"), what)
    named = [kind for kind in SOURCES if kind in given]
    if len(named) != 1 or named[0] not in allowed:
        raise ITPortraitError(f"{what} has {named}; exactly one of {', '.join(allowed)} is needed")
    (kind,) = named
    if kind == "seed":
        only(value, ("seed", "truncation"), what)
        seed = number(given["seed"], 0, 2**31 - 1, f"{what}.seed", whole=True)
        psi = number(given.get("truncation", 0.7), 0.0, 1.2, f"{what}.truncation")
        return Source("seed", seed=int(seed), truncation=psi)
    only(value, (kind, "sha256"), what)
    return Source(kind, _name(given[kind], f"{what}.{kind}"), _sha256(given.get("sha256"), f"{what}.sha256"))


def weights(value: object, what: str) -> Weights:
    """A file of weights: embedded, or safetensors."""
    given = only(value, ("file", "sha256", "family", "license"), what)
    name = _name(given.get("file"), f"{what}.file")
    if name != EMBEDDED and not name.endswith(".safetensors"):
        raise mismatch(f"{what}.file", name, f"weights are .safetensors files, or {EMBEDDED!r}")
    if name == EMBEDDED and "sha256" not in given:
        return Weights()
    return Weights(name, _sha256(given.get("sha256"), f"{what}.sha256"))


def prior(value: object) -> dict[str, Weights]:
    """The networks of the photo twin, by role."""
    given = only(value, tuple(ROLES), "settings.prior")
    return {role: weights(one, f"settings.prior.{role}") for role, one in sorted(given.items())}


def clips(value: object) -> tuple[Weights, ...]:
    """The CLIPs that guide."""
    if not isinstance(value, list) or len(value) > MOST_CLIPS:
        raise mismatch("settings.clips", value, f"it must be a list of at most {MOST_CLIPS}")
    return tuple(weights(one, f"settings.clips[{index}]") for index, one in enumerate(value))


def changes(value: object) -> dict[str, dict[str, Any]]:
    """Settings by method and field; every value lies in the range of its field."""
    given = only(value, SETTINGS, "settings.changes")
    for name, values in given.items():
        if not isinstance(values, dict):
            raise mismatch(f"settings.changes.{name}", values, "it must be an object")
    check_changes(given)
    return given


def views(value: object) -> tuple[tuple[float, float], ...]:
    """Degrees of yaw and pitch of every view."""
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VIEWS:
        raise mismatch("settings.views", value, f"it must list 1 to {MOST_VIEWS} views")
    out = []
    for index, view in enumerate(value):
        what = f"settings.views[{index}]"
        if not isinstance(view, list) or len(view) != 2:
            raise mismatch(what, view, "write [yaw, pitch] in degrees")
        out.append((number(view[0], -180.0, 180.0, what), number(view[1], -89.0, 89.0, what)))
    return tuple(out)


def text(value: object) -> str:
    """What the portraits become."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise mismatch("settings.text", value, f"it must have at most {LONGEST_TEXT} letters")
    return value


def number(value: object, low: float, high: float, what: str, *, whole: bool = False) -> float:
    """A finite number between two others."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise mismatch(what, value, f"it must be a{' whole' if whole else ''} number")
    if not (is_finite(value) and low <= value <= high):
        raise mismatch(what, value, f"it must be a finite number in {low}..{high}")
    return value if whole else float(value)


def one_of(value: object, options: Sequence[str], what: str) -> str:
    """One of several words."""
    if not isinstance(value, str) or value not in options:
        raise mismatch(what, value, f"choose one of {', '.join(map(repr, options))}")
    return value


def _name(value: object, what: str) -> str:
    try:
        return safe_name(value)
    except ITPortraitError as error:
        raise ITPortraitError(f"{what}: {error}") from error


def _sha256(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise mismatch(what, value, "it must be 64 hexadecimal digits")
    return value
