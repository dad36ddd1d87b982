"""What a training node leaves behind: one generator file below output/itportrait/runs, named by its recipe.

The same recipe gives the same result, so the file is used again instead of trained again: after a restart, or
when ComfyUI's cache has dropped it, an hour of training is still there. Deleting the folder only costs time.
A run that was stopped early and kept is not the recipe's result, so its file has another name.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.checkpoints import atomic, hashes, tensor_file
from ..itportrait_core.errors import DamagedFile, ITPortraitError
from ..itportrait_core.methods.shared.history import History
from ..itportrait_core.methods.shared.plots import plot_history
from ..itportrait_core.methods.shared.run_facts import run_facts, run_name
from ..itportrait_core.networks.generator3d import Generator3D
from . import folders, recipes, runtime
from .images import to_comfy
from .sockets import GeneratorHandle

RESUME_SECONDS = 60.0
"""How often a long run lays down a point from which it can continue."""


def recipe(method: str, generator: GeneratorHandle, **inputs: object) -> dict[str, Any]:
    """Everything that decides a result, as JSON values. It becomes part of the lineage of the weights.

    Args:
        method: name of the method.
        generator: the base.
        inputs: the other inputs; settings as `config.to_dict()`, objects by their hash.
    """
    return run_facts(method, generator.sha256, half=generator.half, **inputs)


def run_file(facts: Mapping[str, Any], part: str = "") -> Path:
    """Where the result of a recipe lies, or will lie; `part` names one of several results."""
    return folders.results_folder() / "runs" / f"{run_name(facts, part)}{folders.OURS}"


def resume_file(facts: Mapping[str, Any]) -> Path:
    """Where the resume point of a recipe's run lies."""
    return run_file(facts).with_suffix(".resume")


@dataclass(frozen=True)
class Made:
    """What a run has made.

    Attributes:
        modules: the weights, one for each part.
        stopped: steps after which the run was stopped, `runtime.Progress.stopped_at`; 0 for a whole run.
    """

    modules: tuple[Generator3D, ...]
    stopped: int = 0


_unsaved: dict[str, Made] = {}
"""The last result that could not be written, by the hash of its recipe: it is not made a second time."""
_written: set[Path] = set()
"""Files that handles of this process stand for."""
_vanished = [0]
"""How many of them are gone."""


class Making(io.ComfyNode):
    """A node whose results are files in `runs`: it is asked again when one of them has vanished."""

    @classmethod
    def fingerprint_inputs(cls, **inputs: object) -> str:
        return generation()


def generation() -> str:
    """A text that changes when a file in `runs` has vanished; what is still there is taken from disk."""
    gone = {path for path in _written if not os.path.isfile(path)}
    _written.difference_update(gone)
    _vanished[0] += len(gone)
    return str(_vanished[0])


def produce(
    facts: Mapping[str, Any], parts: tuple[str, ...], base: GeneratorHandle, make: Callable[[], Made]
) -> list[GeneratorHandle]:
    """Handles of a recipe's results: of an earlier run, or of `make()`.

    What was made is given up only when it is on disk: where writing fails it stays in memory for the next
    time, and the resume point stays too.

    Args:
        facts: from `recipe`.
        parts: names of the results.
        base: whose licence the weights carry on.
        make: trains; its modules are in the order of `parts`.
    """
    handles = cached(facts, *parts)
    if handles is None:
        key = hashes.of_json(facts)
        made = _unsaved.pop(key, None) or make()
        try:
            handles = [_keep(module, facts, part, base, made.stopped)
                       for part, module in zip(parts, made.modules, strict=True)]  # fmt: skip
        except BaseException:
            _unsaved.clear()
            _unsaved[key] = made
            raise
        if not made.stopped:
            with suppress(OSError):
                resume_file(facts).unlink(missing_ok=True)
    _written.update(handle.path for handle in handles)
    return handles


def cached(facts: Mapping[str, Any], *parts: str) -> list[GeneratorHandle] | None:
    """Handles of the results of an earlier run with the same recipe; None unless all of them are there.

    A file that cannot be used is set aside, with one line in the log: it is only a cache.
    """
    files = [run_file(facts, part) for part in parts]
    if not all(os.path.isfile(file) for file in files):
        return None
    handles = []
    for file in files:
        try:
            handles.append(GeneratorHandle.read(file, "superresolution" in facts))
            losses_of(handles[-1])
        except ITPortraitError as error:
            aside = atomic.set_aside(file)
            logging.warning(f"ITportrait: {error!s:.300} It is {aside.name} now, and is made anew.")
            return None
    return handles


def _keep(
    trained: Generator3D, facts: Mapping[str, Any], part: str, base: GeneratorHandle, stopped: int
) -> GeneratorHandle:
    """Write a trained generator with the lineage that the core gave it, and its card; returns its handle.

    The file appears when it is complete. A whole run's file that is there already, made by another process
    meanwhile, is the same result and stays.
    """
    from ..itportrait_core.recipes.drawing import generator_card
    from ..itportrait_core.recipes.notes import make_notes

    made = {**facts, "stopped": stopped} if stopped else dict(facts)
    lineage = recipes.written_lineage({**trained.lineage, "recipe": made}, private=False)

    def write(draft: Path, name: str) -> None:
        itp.save_generator(trained, draft, lineage, license=base.license)
        with runtime.plain_tensors():
            card = generator_card(draft, recipes.programs(), name=name)
            tensor_file.attach(draft, make_notes(card, None, None, private=False, typed=recipes.typed()))

    file = run_file(facts, f"-kept-{stopped}{part}" if stopped else part)
    if stopped:
        with atomic.reserved(file.parent, file.stem, folders.OURS, plain=True) as place:
            write(place.draft, place.path.name)
        file = place.path
    else:
        with atomic.creating(file) as draft:
            write(draft, file.name)
    return GeneratorHandle.read(file, base.half)


def keep_stopped(
    trained: Generator3D, facts: Mapping[str, Any], part: str, base: GeneratorHandle, stopped: int
) -> GeneratorHandle:
    """The file that a run stopped after `stopped` steps would have left; see `produce` for the others."""
    handle = _keep(trained, facts, part, base, stopped)
    _written.add(handle.path)
    return handle


def resume_point(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a core method that let a run which was cut off, or stopped and kept, continue later."""
    point = resume_file(facts)
    return {"resume": point, "every_steps": 0, "every_seconds": RESUME_SECONDS, "keep_point": True}


def report(handle: GeneratorHandle) -> tuple[dict[str, list[float]], Tensor, History]:
    """LOSS_MAP, plot (IMAGE) and history of the run that made a generator."""
    losses, history = losses_of(handle)
    return losses, to_comfy(plot_history(history)), history


def losses_of(handle: GeneratorHandle) -> tuple[dict[str, list[float]], History]:
    """LOSS_MAP and history of the run that made a generator; both empty where no run did.

    Raises:
        DamagedFile: where a step has no loss of its stage.
    """
    history = History.from_json(handle.lineage.get("history", []))
    if any(record.stage not in record.losses for record in history):
        raise DamagedFile(f"The history in {handle.path.name} is damaged: a step lacks its loss.")
    return {"loss": [record.losses[record.stage] for record in history]}, history
