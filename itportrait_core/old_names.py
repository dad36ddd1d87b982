"""Names that files and workflows of earlier versions hold, and what they are called today.

Nothing else knows the old ones. Files are written with today's names; hashes of a run's settings are still
taken over the old ones, so that a resume point or a cached result stays valid when only a name changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

SETTINGS = {
    "nudge": "augment",
    "text_length": "min_text_distance",
    "image_beside_text": "image_text_orthogonality",
}
"""Fields of the methods' configs."""
RECORD = {"dice": "rng"}
"""Fields of a step's record."""
RESUME = {"dice": "rng"}
"""Tensors of a resume point."""
RESUME_PREFIXES = {"taken.": "untrained."}
"""Beginnings of their names."""


def renamed(values: Mapping[str, Value], table: Mapping[str, str]) -> dict[str, Value]:
    """`values` with every name that is in `table` replaced; the others, and the order, stay."""
    return {table.get(name, name): value for name, value in values.items()}


def resumed(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Tensors of a resume point by today's names."""
    out = renamed(tensors, RESUME)
    for old, new in RESUME_PREFIXES.items():
        out = {
            new + name.removeprefix(old) if name.startswith(old) else name: value
            for name, value in out.items()
        }
    return out


def first_names(values: Mapping[str, Value]) -> dict[str, Value]:
    """Settings by the names that they first had: what hashes are taken over."""
    return renamed(values, {new: old for old, new in SETTINGS.items()})
