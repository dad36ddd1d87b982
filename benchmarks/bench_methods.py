"""What the truth bench can run: a researcher's own file, ours, and the rivals that presets restate."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeGuard, cast

import torch
from torch import Tensor, nn

from benchmarks.methods import restated
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.passes import fit_picture
from itportrait_core.networks.generator3d import Generator3D

FOLDER = Path(__file__).parent / "methods"
OURS = ("identity", "apt", "coupled")
"""Files of `FOLDER`: nothing at all, a picture alone, a picture and a text."""
NAMES = (*OURS, *restated.NAMES)
TASKS = ("both", "picture", "text")
"""What a method looks at: the truth shows no more than that."""
Draw = Callable[[Tensor, Tensor], Tensor]
"""(ws [1, num_ws, w_dim], camera [1, 25]) -> pictures [1, 3, H, W] in [-1, 1]."""
Result = Generator3D | Draw
Stylize = Callable[[Generator3D, Tensor, str], Result]


@dataclass(frozen=True)
class Method:
    """One method; `version` changes with its file or settings."""

    name: str
    task: str
    version: str
    stylize: Stylize


def load_method(source: str, steps: int = 0) -> Method:
    """The method of a file, or of a name in `NAMES`.

    Args:
        source: path of a Python file, WHICH IS RUN, or a name.
        steps: of ours and of the rivals, where not 0.

    Raises:
        ITPortraitError: for a missing file, or one without `stylize`.
    """
    if source in restated.NAMES:
        facts = json.dumps([restated.settings(source), steps], sort_keys=True)
        return Method(source, restated.task(source), _digest(facts), restated.method(source, steps))
    path = FOLDER / f"{source}.py" if source in OURS else Path(source)
    if path.suffix != ".py" or not path.is_file():
        raise ITPortraitError(f"No method {source!r}: give a FILE.py that exists, or {', '.join(NAMES)}.")
    module = _run(path)
    task, stylize = getattr(module, "TASK", "both"), getattr(module, "stylize", None)
    if task not in TASKS or not callable(stylize):
        raise ITPortraitError(
            f"{path} has TASK {task!r} and stylize {stylize!r}; it needs a function stylize(generator,"
            f" picture, text), and TASK may be one of {', '.join(TASKS)}."
        )
    if steps and hasattr(module, "STEPS"):
        module.STEPS = steps
    name = re.sub(r"[^\w-]", "_", path.stem)
    if path.parent.resolve() != FOLDER.resolve() and name in NAMES:
        name = f"{name}_own"
    version = _digest(f"{path.read_text(encoding='utf-8')} {steps}")
    return Method(name, task, version, cast(Stylize, stylize))


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_method_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ITPortraitError(f"{path} cannot be read as a Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _digest(facts: str) -> str:
    return hashlib.sha256(facts.encode()).hexdigest()[:8]


def is_generator(result: Result) -> TypeGuard[Generator3D]:
    """Whether a result draws people as our generators do."""
    return isinstance(result, nn.Module) and all(
        hasattr(result, name) for name in ("mapping", "planes", "render")
    )


def check_pictures(drawn: Tensor, size: int) -> Tensor:
    """Pictures [N, 3, size, size] in [-1, 1] of what a method drew.

    Raises:
        ITPortraitError: for another shape, or numbers that are not finite.
    """
    shape = tuple(drawn.shape) if isinstance(drawn, Tensor) else type(drawn).__name__
    if not isinstance(drawn, Tensor) or drawn.ndim != 4 or drawn.shape[1] != 3:
        raise ITPortraitError(f"The method drew {shape}; it must draw a tensor [N, 3, H, W] in [-1, 1].")
    if not bool(torch.isfinite(drawn).all()):
        raise ITPortraitError("The method drew numbers that are not finite; its training went apart.")
    square = drawn.shape[-1] == drawn.shape[-2]
    if not square:
        raise ITPortraitError(f"The method drew {shape}; pictures must be square.")
    return fit_picture(drawn.detach().float().cpu().clamp(-1, 1), size)
