"""Settings of networks that come from files: types as the config classes declare them, and sane sizes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ..errors import DamagedFile

_PLAIN: dict[str, Any] = {"int": int, "float": int | float, "bool": bool, "str": str, "None": None}
LARGEST = 1 << 20
"""Beyond any number in the settings of a network."""
MOST_LAYERS = 256
"""Beyond any number of layers, blocks or steps; each costs time to build."""
_LIMITS = {name: MOST_LAYERS for name in ("layers", "units", "blocks", "steps", "count")} | {
    "depth_resolution": 1024,
    "depth_resolution_importance": 1024,
    "resolution": 4096,
}
"""Largest value of a setting by the end of its name; the first that fits counts."""


def check_settings(config: Any) -> None:
    """Refuse settings whose values are not of the types that the config class declares, or absurdly large.

    Raises:
        DamagedFile: naming the setting and its value.
    """
    for setting in dataclasses.fields(config):
        value = vars(config)[setting.name]
        if dataclasses.is_dataclass(value):
            check_settings(value)
            continue
        kinds = [_PLAIN[name] for name in str(setting.type).split(" | ") if name in _PLAIN]
        fits = any(isinstance(value, kind) if kind is not None else value is None for kind in kinds)
        if kinds and (not fits or (isinstance(value, bool) and bool not in kinds)):
            raise DamagedFile(f"The file says {setting.name} is {describe(value)}; is it damaged?")
        if not kinds and not (_is_plain(value) and fits_type(value, str(setting.type))):
            raise DamagedFile(f"The file says something strange about {setting.name}; is it damaged?")
        _check_size(setting.name, value)


def describe(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    if isinstance(value, str | int | float | bool | None):
        return f"{value!r:.60}"
    return f"a value of type {type(value).__name__}"


def _check_size(name: str, value: Any) -> None:
    numbers = [value] if not isinstance(value, dict | tuple) else _numbers(value)
    most = next((limit for ending, limit in _LIMITS.items() if name.endswith(ending)), LARGEST)
    for number in numbers:
        if isinstance(number, int | float) and not (math.isfinite(number) and abs(number) <= most):
            raise DamagedFile(f"The file says {name} is {describe(number)}; is it damaged?")


def _numbers(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value
    nested = (_numbers(item) if isinstance(item, dict | tuple) else [item] for item in items)
    return [number for part in nested for number in part]


def fits_type(value: Any, declared: str) -> bool:
    """Whether a value is as a declaration says: `bool`, `str`, `int | None`, `tuple[float, ...]`, nested
    tuples.

    Numbers must be finite, texts must be texts that a file can hold. Other declarations are not judged.
    """
    if declared.startswith("tuple[") and declared.endswith("]"):
        parts = _split(declared[6:-1])
        if not isinstance(value, tuple):
            return False
        wanted = parts[:1] * len(value) if parts[-1] == "..." else parts
        pairs = zip(value, wanted, strict=True) if len(value) == len(wanted) else None
        return pairs is not None and all(fits_type(item, kind) for item, kind in pairs)
    kinds = declared.split(" | ")
    if not set(kinds) <= set(_PLAIN):
        return True
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in kinds
    if isinstance(value, str):
        return "str" in kinds and not any("\ud800" <= letter <= "\udfff" for letter in value)
    number = (isinstance(value, int) and "int" in kinds) or (
        isinstance(value, int | float) and "float" in kinds
    )
    return number and math.isfinite(value)


def _split(parts: str) -> list[str]:
    """The parts of a declaration between its outermost commas."""
    result, depth = [""], 0
    for letter in parts:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            result.append("")
        else:
            result[-1] += letter
    return [part.strip() for part in result]


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is a number, a text, or a short collection of such."""
    if isinstance(value, tuple) and depth < 3 and len(value) <= MOST_LAYERS:
        return all(_is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict) and depth < 3 and len(value) <= MOST_LAYERS:
        return all(isinstance(key, str) and _is_plain(item, depth + 1) for key, item in value.items())
    return value is None or isinstance(value, int | float | str)
