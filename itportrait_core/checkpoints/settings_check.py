"""Settings of networks that come from files: types as the config classes declare them, and sane sizes."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..config import Config
from ..errors import DamagedFile
from ..plain_types import PLAIN, describe, fits_type, is_finite

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


def check_settings(config: Config) -> None:
    """Refuse settings whose values are not of the types that the config class declares, or absurdly large.

    Raises:
        DamagedFile: naming the setting and its value.
    """
    for setting in dataclasses.fields(config):
        value = vars(config)[setting.name]
        if isinstance(value, Config):
            check_settings(value)
            continue
        kinds = [PLAIN[name] for name in str(setting.type).split(" | ") if name in PLAIN]
        fits = any(isinstance(value, kind) if kind is not None else value is None for kind in kinds)
        if kinds and (not fits or (isinstance(value, bool) and bool not in kinds)):
            raise DamagedFile(f"The file says {setting.name} is {describe(value)}; is it damaged?")
        if not kinds and not (_is_plain(value) and fits_type(value, str(setting.type))):
            raise DamagedFile(f"The file says something strange about {setting.name}; is it damaged?")
        _check_size(setting.name, value)


def _check_size(name: str, value: object) -> None:
    numbers = [value] if not isinstance(value, dict | tuple) else _numbers(value)
    most = next((limit for ending, limit in _LIMITS.items() if name.endswith(ending)), LARGEST)
    for number in numbers:
        if isinstance(number, int | float) and not (is_finite(number) and abs(number) <= most):
            raise DamagedFile(f"The file says {name} is {describe(number)}; is it damaged?")


def _numbers(value: dict[Any, Any] | tuple[Any, ...]) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value
    nested = (_numbers(item) if isinstance(item, dict | tuple) else [item] for item in items)
    return [number for part in nested for number in part]


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value is a number, a text, or a short collection of such."""
    if isinstance(value, tuple) and depth < 3 and len(value) <= MOST_LAYERS:
        return all(_is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict) and depth < 3 and len(value) <= MOST_LAYERS:
        return all(isinstance(key, str) and _is_plain(item, depth + 1) for key, item in value.items())
    return value is None or isinstance(value, int | float | str)
