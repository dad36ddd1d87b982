"""Settings of the methods as a job wants them, for a generator of a given size. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..errors import ITPortraitError
from ..methods.configs import APTConfig, InversionConfig, ITEConfig, preset, suited
from .files import notes_of
from .job import Job

_CLASSES: dict[str, Any] = {"inversion": InversionConfig, "apt": APTConfig, "ite": ITEConfig}


def check_changes(changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse settings that no method has, or values out of their range.

    Raises:
        ITPortraitError: naming the setting and the value.
    """
    for name, values in changes.items():
        try:
            _changed(_CLASSES[name](), values)
        except TypeError as error:
            raise ITPortraitError(f"the settings of {name} are of a wrong kind ({error})") from error


def config(job: Job, method: str, resolution: int) -> Any:
    """The settings of one method: a preset, or what suits the generator's size, with the job's changes.

    Args:
        job: the job.
        method: "inversion", "apt" or "ite".
        resolution: side of the generator's pictures, pixels.
    """
    kind, mode = _CLASSES[method], _mode(job) if method == "ite" else ""
    if job.preset:
        base = preset(method, job.preset)
    else:
        base = suited(kind, SimpleNamespace(resolution=resolution), mode)
    chosen = _changed(base, job.changes.get(method, {}))
    return chosen.replace(mode=mode) if mode else chosen


def _mode(job: Job) -> str:
    return "text_only" if job.method == "text" else "coupled"


def _changed(base: Any, values: Mapping[str, Any]) -> Any:
    """`steps` alone keeps the warm-up's share, as on the node."""
    values = dict(values)
    if isinstance(base, ITEConfig) and "steps" in values and "warmup" not in values:
        base = base.with_steps(ITEConfig(steps=values.pop("steps"), warmup=0).steps)
    return base.replace(**values)


@lru_cache(maxsize=64)
def resolution_of(path: Path) -> int:
    """Side of the pictures that a generator file draws, pixels."""
    try:
        part = json.loads(notes_of(path)["config"])["superresolution"]
        return int(part["input_resolution"]) * int(part["up"][0]) * int(part["up"][1])
    except (OSError, TypeError, KeyError, ValueError, IndexError) as error:
        raise ITPortraitError(f"{path} holds no 3D generator ({error}); choose another base.") from error
