"""What a training node leaves behind: one generator file below output/itportrait/runs, named by its recipe.

The same recipe gives the same result, so the file is used again instead of trained again: after a restart, or
when ComfyUI's cache has dropped it, an hour of training is still there. Deleting the folder only costs time.
A run that was stopped early and kept is not the recipe's result, so its file has another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folder_paths
from torch import Tensor

from .. import itportrait_core as itp
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
    folder = Path(folder_paths.get_output_directory(), folders.RESULTS, "runs")
    return folder / f"{run_name(facts, part)}{folders.OURS}"


def cached(facts: Mapping[str, Any], *parts: str) -> list[GeneratorHandle] | None:
    """Handles of the results of an earlier run with the same recipe; None unless all of them are there."""
    files = [run_file(facts, part) for part in parts]
    if not all(file.is_file() for file in files):
        return None
    return [GeneratorHandle.read(file, "superresolution" in facts) for file in files]


def keep(
    trained: Generator3D, facts: Mapping[str, Any], part: str, base: GeneratorHandle, stopped: int = 0
) -> GeneratorHandle:
    """Write a trained generator with the lineage that the core gave it, and its card; returns its handle.

    Args:
        trained: the weights.
        facts: from `recipe`.
        part: as in `cached`.
        base: whose licence the weights carry on.
        stopped: steps after which the run was stopped, `runtime.Progress.stopped_at`; 0 for a whole run.
    """
    from ..itportrait_core.recipes.carriers import attach
    from ..itportrait_core.recipes.drawing import generator_card
    from ..itportrait_core.recipes.notes import make_notes

    made = {**facts, "stopped": stopped} if stopped else dict(facts)
    file = run_file(facts, f"-kept-{stopped}{part}" if stopped else part)
    itp.save_generator(trained, file, {**trained.lineage, "recipe": made}, license=base.license)
    with runtime.plain_tensors():
        attach(file, make_notes(generator_card(file, recipes.programs()), None, None, private=False))
    return GeneratorHandle.read(file, base.half)


def resume_point(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a core method that let a run which was cut off, or stopped and kept, continue later."""
    point = run_file(facts).with_suffix(".resume")
    return {"resume": point, "every_steps": 0, "every_seconds": RESUME_SECONDS}


def report(handle: GeneratorHandle) -> tuple[dict[str, list[float]], Tensor, History]:
    """LOSS_MAP, plot (IMAGE) and history of the run that made a generator."""
    history = History.from_json(handle.lineage["history"])
    losses = {"loss": [record.losses[record.stage] for record in history]}
    return losses, to_comfy(plot_history(history)), history
