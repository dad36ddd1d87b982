"""One try at one task: look whether it is done, lock it, work, and say what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .failures import Failures
from .files import can_write, is_storage_fault, is_whole
from .journal import Journal
from .locks import STALE_SECONDS, acquire, sweep
from .places import Places
from .results import NotMadeYet, Results
from .tasks import Task, files_of, resume_point

DONE, MADE, FAILED, PARKED, BLOCKED, WAITING, BUSY, STORAGE = (
    "done", "made", "failed", "parked", "blocked", "waiting", "busy", "storage",
)  # fmt: skip
"""Was there, was made now, went wrong, is not tried again, has a parent that is not, has a parent that is not
done yet, is somebody else's, and: this machine cannot write."""
ENDED = (DONE, MADE, PARKED, BLOCKED)
Work = Callable[[Task, "Bench"], None]


@dataclass
class Bench:
    """Where a process works: folders, device, and what it knows of tasks."""

    places: Places
    device: str = "cpu"
    stale: float = STALE_SECONDS
    resume_seconds: float = 60.0
    results: Results = field(init=False)
    failures: Failures = field(init=False)
    journal: Journal = field(init=False)
    states: dict[str, str] = field(default_factory=dict)
    """Task -> how it ended, as far as this process knows."""
    copies: dict[Path, Path] = field(default_factory=dict)
    """Generator on the shared storage -> copy on this machine."""

    def __post_init__(self) -> None:
        self.results = Results(self.places)
        self.failures = Failures(self.places.state / "failed")
        self.journal = Journal(self.places.state / "journal")


def is_done(task: Task, results: Results) -> bool:
    """Whether every file of a task is there and whole."""
    try:
        return all(is_whole(file) for file in files_of(task, results))
    except NotMadeYet:
        return False


def attempt(task: Task, bench: Bench, work: Work) -> str:
    """Try one task; returns one of the words above and remembers those that are final."""
    state = _state(task, bench)
    if state == "":
        try:
            lock = acquire(bench.places.state / "locks", task.key, bench.stale)
        except OSError as error:
            return _failed(task, bench, error)
        if lock is None:
            return BUSY
        try:
            state = DONE if is_done(task, bench.results) else _work(task, bench, work, lock.takes_over)
        finally:
            lock.release()
    if state in ENDED:
        bench.states[task.key] = state
    return state


def tidy(done: Sequence[Task], bench: Bench) -> None:
    """Remove what processes left that ended between a result and its end: locks, records, resume points."""
    keys = {task.key for task in done}
    sweep(bench.places.state / "locks", keys)
    for key in bench.failures.keys() & keys:
        bench.failures.forget(key)
    points = list(bench.places.runs.glob("*.resume"))
    names = {resume_point(task, bench.results).name for task in done if points}
    for point in points:
        if point.name in names:
            point.unlink(missing_ok=True)


def _state(task: Task, bench: Bench) -> str:
    """The task's state without trying it; "" where it can be tried."""
    parents = [bench.states.get(key, "") for key in task.needs]
    if task.key in bench.states:
        return bench.states[task.key]
    if any(state in (PARKED, BLOCKED) for state in parents):
        return BLOCKED
    if is_done(task, bench.results):
        return DONE
    if bench.failures.parked(task.key):
        return PARKED
    return "" if all(state in (DONE, MADE) for state in parents) else WAITING


def _work(task: Task, bench: Bench, work: Work, takes_over: bool) -> str:
    point = resume_point(task, bench.results)
    if takes_over:
        bench.failures.died(task.key, task.label, _progress(point))
        if bench.failures.parked(task.key):
            return PARKED
    bench.journal.note("resume" if os.path.isfile(point) else "start", task.key, kind=task.kind)
    start = time.monotonic()
    try:
        work(task, bench)
        point.unlink(missing_ok=True)
    except Exception as error:
        return _failed(task, bench, error)
    bench.journal.note("done", task.key, kind=task.kind, seconds=round(time.monotonic() - start, 3))
    bench.failures.forget(task.key)
    return MADE


def _failed(task: Task, bench: Bench, error: Exception) -> str:
    if is_storage_fault(error) or not can_write(bench.places.runs):
        bench.journal.note("storage", task.key, error=str(error)[:500])
        return STORAGE
    bench.failures.failed(task.key, task.label, error)
    bench.journal.note("failed", task.key, kind=task.kind, error=str(error)[:500])
    return PARKED if bench.failures.parked(task.key) else FAILED


def _progress(point: Path) -> str:
    try:
        state = os.stat(point)
    except OSError:
        return ""
    return f"{state.st_mtime_ns} {state.st_size}"
