"""Settings of the methods as a job wants them, for a generator of a given size. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from ..checkpoints import embedded
from ..checkpoints.hashes import file_hash
from ..errors import DamagedFile, ITPortraitError
from ..methods.configs import APTConfig, Config, InversionConfig, ITEConfig
from ..methods.shared.presets import name_for, preset_of
from .files import header_of
from .job import Job
from .places import EMBEDDED

_CLASSES: dict[str, type[Config]] = {"inversion": InversionConfig, "apt": APTConfig, "ite": ITEConfig}
AnyConfig = TypeVar("AnyConfig", bound=Config)


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


def config(job: Job, kind: type[AnyConfig], resolution: int) -> AnyConfig:
    """The settings of one method: a preset, or what suits the generator, with the job's changes.

    Args:
        job: the job.
        kind: class of the settings.
        resolution: side of the generator's pictures, pixels.
    """
    mode = ("text_only" if job.method == "text" else "coupled") if kind is ITEConfig else ""
    if job.preset:
        base = preset_of(kind, job.preset)
    else:
        base = preset_of(kind, name_for(resolution, has_prior(job)), mode)
    chosen = _changed(base, job.changes.get(kind.method, {}))
    return chosen.replace(mode=mode) if mode else chosen


def has_prior(job: Job) -> bool:
    """Whether the job's base is the embedded generator, which has a style prior."""
    if not embedded.exists("style_prior"):
        return False
    return job.base.file == EMBEDDED or job.base.sha256 == file_hash(embedded.path("generator"))


def _changed(base: AnyConfig, values: Mapping[str, Any]) -> AnyConfig:
    """`steps` alone keeps the warm-up's share, as on the node."""
    values = dict(values)
    if isinstance(base, ITEConfig) and "steps" in values and "warmup" not in values:
        base = cast(AnyConfig, base.with_steps(ITEConfig(steps=values.pop("steps"), warmup=0).steps))
    return base.replace(**values)


@lru_cache(maxsize=64)
def resolution_of(path: Path) -> int:
    """Side of the pictures that a generator file draws, pixels."""
    try:
        part = json.loads(header_of(path).metadata["config"])["superresolution"]
        return int(part["input_resolution"]) * int(part["up"][0]) * int(part["up"][1])
    except (
        ArithmeticError,
        DamagedFile,
        LookupError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ITPortraitError(f"{path} holds no 3D generator ({error}); choose another base.") from error
