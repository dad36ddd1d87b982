"""Whether plain values are what a declaration says, and how to name a value in a message."""

from __future__ import annotations

import math
from typing import Any

PLAIN: dict[str, Any] = {"int": int, "float": int | float, "bool": bool, "str": str, "None": None}
"""Declarations that stand for themselves."""


def describe(value: object) -> str:
    """A value for a message: short, whatever it is."""
    if isinstance(value, str | int | float | bool | None):
        return f"{value!r:.60}"
    return f"a value of type {type(value).__name__}"


def is_finite(number: float) -> bool:
    """Whether a number is finite as a float; whole numbers may be beyond any float."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def fits_type(value: object, declared: str) -> bool:
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
    if not set(kinds) <= set(PLAIN):
        return True
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in kinds
    if isinstance(value, str):
        return "str" in kinds and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, int) and "int" in kinds:
        return True
    return isinstance(value, int | float) and "float" in kinds and is_finite(value)


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
