"""The one training loop: events, cancel, stop-and-keep, resume points.

A method is a `Task`: it knows how to make one step and how to pack its state and restore it. The
loop owns everything else. Randomness comes from the task's own CPU `torch.Generator` alone.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict

import torch
from torch import Tensor

from ...checkpoints.atomic import set_aside
from ...errors import DamagedFile, ITPortraitError
from ...networks.generator3d import Generator3D
from ...old_names import resumed
from .storage import read_tensors, write_tensors


class KeepBest(Exception):
    """Raise it (or return the class) from `on_step` to stop now and keep the best so far."""


@dataclass(frozen=True)
class Moment:
    """The generators in training as they are after a step; they change with the next one.

    Attributes:
        ws: the person that the previews show, [1, num_ws, w_dim].
        generators: by their names in the run: "style", "target" or "tuned".
        lineage: facts for the file of a part, as a run that is stopped now would give them.
    """

    ws: Tensor
    generators: dict[str, Generator3D]
    lineage: Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class StepInfo:
    """What `on_step` learns about a step that is done.

    Attributes:
        losses: every loss by name, plain floats.
        preview: renders [N, 3, H, W] in [-1, 1] when called, without gradients; costs nothing otherwise.
        gate: gamma of Eq. 9 (mean over CLIP models), or None outside ITE steps.
        delta: the gate's distance (mean over CLIP models), or None.
        stage: apt, ite, invert or tune.
        moment: gives the generators in training; None where none is trained.
    """

    losses: dict[str, float]
    preview: Callable[[], Tensor]
    gate: float | None = None
    delta: float | None = None
    stage: str = ""
    moment: Callable[[], Moment] | None = None


OnStep = Callable[[int, int, StepInfo], Any]


class Task(Protocol):
    """A method in steps."""

    total: int

    def step(self, index: int) -> StepInfo:
        """Make step `index` (from 0)."""

    def finished(self) -> bool:
        """Whether the goal is reached before `total` steps are done."""

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and JSON facts from which `restore` continues bit-exactly."""

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Continue from what `state` returned."""

    def identity(self) -> str:
        """Hash of everything the run depends on; a resume point of another run is refused by it."""


class Points(TypedDict, total=False):
    """When resume points are written, and where: the arguments of `run` that methods pass on."""

    resume: str | Path | None
    every_steps: int
    every_seconds: float
    keep_point: bool
    on_start: Callable[[str], None]
    """Told before the first step what a step needs of the device's memory (`memory_plan`)."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: steps done in all, and why: done, finished (goal reached early) or kept."""

    steps: int
    reason: str


@contextlib.contextmanager
def trainable_mode() -> Iterator[None]:
    """Gradients on and inference mode off, whatever the caller's mode (ComfyUI's is inference mode)."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def run(
    task: Task,
    on_step: OnStep | None = None,
    *,
    resume: str | Path | None = None,
    every_steps: int = 25,
    every_seconds: float = 0.0,
    keep_point: bool = False,
    on_start: Callable[[str], None] | None = None,
) -> Outcome:
    """Make all steps of `task`.

    Args:
        on_step: called after every step with (step, total, info). Raising from it stops the run and the
            error passes on; `KeepBest`, raised or returned, stops it and the task keeps its best.
        resume: file of the resume point. If it is there, the run continues from it; while running it is
            written anew, atomically; a completed run removes it. One that cannot be read is set aside, and
            the run begins anew.
        every_steps: write it every so many steps (0 = never by steps).
        every_seconds: write it when so much time has passed (0 = never by time).
        keep_point: leave it after a completed run, for callers that remove it when the results are on disk.
        on_start: told the task's `plan` of memory before the first step, if it has one.

    Raises:
        ITPortraitError: if the resume point belongs to another run, or cannot be written, or if a loss is not
            finite; then the last resume point stays.
    """
    point = None if resume is None else Path(resume)
    start = _restore_checkpoint(task, point) if point is not None and os.path.isfile(point) else 0
    saved_at, reason = time.monotonic(), "done"
    plan = getattr(task, "plan", None)
    if on_start is not None and plan is not None:
        on_start(str(plan))
    index = start
    for index in range(start, task.total):
        if task.finished():
            reason = "finished"
            break
        info = task.step(index)
        _check_losses(info, index)
        done = index + 1
        if _wants_to_stop(on_step, index, task.total, info):
            _save_checkpoint(task, point, done)
            return Outcome(done, "kept")
        late = every_seconds > 0 and time.monotonic() - saved_at >= every_seconds
        if (
            point is not None
            and done < task.total
            and (late or (every_steps > 0 and done % every_steps == 0))
        ):
            _save_checkpoint(task, point, done)
            saved_at = time.monotonic()
    else:
        index = task.total
    if point is not None and not keep_point:
        point.unlink(missing_ok=True)
    return Outcome(index, reason)


def _check_losses(info: StepInfo, index: int) -> None:
    """Stop a run that has left the numbers: what it would go on to make could not be drawn.

    Raises:
        ITPortraitError: naming the loss and the step.
    """
    for name, value in info.losses.items():
        if not math.isfinite(value):
            raise ITPortraitError(
                f"The loss {name!r} is {value} at step {index + 1}: the training has diverged and "
                "was stopped; its last resume point, if there is one, is kept. Lower the step size (lr), "
                "or check the picture."
            )


def _wants_to_stop(on_step: OnStep | None, index: int, total: int, info: StepInfo) -> bool:
    if on_step is None:
        return False
    try:
        return on_step(index, total, info) is KeepBest
    except KeepBest:
        return True


def _save_checkpoint(task: Task, point: Path | None, done: int) -> None:
    if point is None:
        return
    tensors, facts = task.state()
    for name, value in tensors.items():
        if value.is_floating_point() and bool(torch.isnan(value).any()):
            raise ITPortraitError(
                f"{name!r} holds NaN after step {done}: the training has diverged and was stopped; its "
                "last resume point, if there is one, is kept. Lower the step size (lr), or check the picture."
            )
    write_tensors(point, "resume", tensors, {"done": done, "run": task.identity(), "task": facts})


def _restore_checkpoint(task: Task, point: Path) -> int:
    try:
        tensors, facts = read_tensors(point, "resume")
    except DamagedFile as error:
        return _begin_anew(point, error)
    if facts.get("run") != task.identity():
        raise ITPortraitError(
            f"The resume point {point.name} belongs to another run (other settings, weights, portrait "
            "or text); delete it to start anew, or restore the settings it was made with."
        )
    first = _copied(*task.state())
    try:
        done = int(facts["done"])
        if not 0 <= done <= task.total:
            raise ValueError(f"{done} steps done of {task.total}")
        task.restore(resumed(tensors), facts["task"])
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        task.restore(*first)
        return _begin_anew(point, error)
    return done


def _copied(tensors: dict[str, Tensor], facts: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return {name: value.clone() for name, value in tensors.items()}, facts


def _begin_anew(point: Path, error: Exception) -> int:
    """Set a resume point aside that cannot be used, and say so; returns 0 steps done."""
    aside = set_aside(point)
    logging.warning(
        f"ITportrait: {point.name} cannot be used ({error!s:.200}); it is {aside.name} now, and the "
        "run begins anew."
    )
    return 0


def pack_optimizer(optimizer: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """Adam's moments and step counts as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{prefix}.{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], prefix: str) -> None:
    """The inverse of `pack_optimizer`, for an optimizer over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix + "."):
            index, key = name[len(prefix) + 1 :].split(".", 1)
            state.setdefault(int(index), {})[key] = value
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
