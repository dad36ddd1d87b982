"""Names that files and workflows of earlier versions hold, and what they are called today.

Nothing else knows the old ones. Files are written with today's names; hashes of a run's settings are still
taken over the old ones, so that a resume point or a cached result stays valid when only a name changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")

SETTINGS = {
    "nudge": "augment",
    "text_length": "min_text_distance",
    "image_beside_text": "image_text_orthogonality",
}
"""Fields of the methods' configs."""
LATER = {
    "start": "original", "prior": 0.0, "style": "none", "own_share": 0.0, "lr_style": 0.0, "texture": 0.0,
    "share_planes": False, "clip_across": 0.0, "clip_within": 0.0, "clip_reference": 0.0, "style_mix": 0.0,
    "adaptive_loss": "direction", "patch": 0.0, "patches": 64, "patch_side": 0.25, "patch_reject": 0.7,
    "clouds": 0.0,
}  # fmt: skip
"""Fields that came later, with the value that does what was done before."""
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


def first_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names that they first had: what hashes are taken over.

    Fields that came later are left out where they change nothing.
    """
    first = {
        name: first_names(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in LATER or LATER[name] != value
    }
    return renamed(first, {new: old for old, new in SETTINGS.items()})
