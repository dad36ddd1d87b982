"""How long a sheet takes and how much it writes, from measured steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..methods.configs import APTConfig, InversionConfig, ITEConfig
from ..plain_types import is_finite
from .journal import read_journals
from .perform import is_done
from .results import Results
from .settings import config, resolution_of
from .tasks import STAGES, Task

SMALL = 128
"""Pixels up to which a generator is a small one, as the embedded."""
SECONDS = {
    "cpu small": {"invert": 0.17, "apt": 0.76, "ite": 0.70, "render": 0.12, "start": 5.0},
    "gpu large": {"invert": 0.09, "apt": 0.08, "ite": 0.45, "render": 0.2, "start": 10.0},
}
"""Per step, per picture, and before the first step. Small: the embedded family on one core of a server;
large: an H100, by `benchmarks/full_size.py`."""
KINDS: dict[str, tuple[str, type[InversionConfig | APTConfig | ITEConfig]]] = {
    "invert": ("invert", InversionConfig), "picture": ("apt", APTConfig), "coupled": ("ite", ITEConfig),
    "text": ("ite", ITEConfig),
}  # fmt: skip
"""Inversion, or method of a training -> whose steps and settings it has."""
PORTRAIT_BYTES, PICTURE_BYTES = 600_000, 40_000
"""Of a portrait, and of a picture of `SMALL` pixels."""


@dataclass(frozen=True)
class Estimate:
    """What a sheet costs.

    Attributes:
        tasks: how many of each stage.
        left: those that are not done yet.
        seconds: of one GPU or core for what is left.
        size: bytes of all results.
        measured: whether the times are this farm's own, from its journal.
    """

    tasks: Counter[str]
    left: Counter[str]
    seconds: float
    size: int
    measured: bool


def estimate(tasks: Sequence[Task], results: Results, gpu: bool) -> Estimate:
    """Count tasks, time and bytes.

    Args:
        tasks: of the sheet.
        results: which of them are done.
        gpu: whether graphics cards do the work.
    """
    events = list(read_journals(results.places.state / "journal"))
    seconds_of = pace(tasks, events, results, gpu)
    total, left = Counter(task.kind for task in tasks), Counter[str]()
    seconds, size = 0.0, 0
    for task in tasks:
        size += _bytes_of(task, results)
        if not is_done(task, results):
            left[task.kind] += 1
            seconds += seconds_of(task)
    return Estimate(total, left, seconds, size, bool(measured_seconds(events)))


def pace(
    tasks: Sequence[Task], events: Sequence[dict[str, Any]], results: Results, gpu: bool
) -> Callable[[Task], float]:
    """How long a task takes here: a function of the task, in seconds.

    seconds(task) = published(task) * sum measured / sum published, both sums over tasks of its kind in this
    sheet that are done. A kind that only another sheet of this farm had takes the mean of that; one that was
    never done goes by the sums over all kinds.

    Args:
        tasks: of the sheet.
        events: of this farm's journal.
        results: where the tasks' generators lie.
        gpu: whose published times are meant.
    """
    mean = measured_seconds(events)
    known = {task.key: task for task in tasks}
    sums: dict[str, list[float]] = {}
    for event in events:
        task = known.get(event["task"])
        if task is not None and _is_done_event(event):
            for kind in (task.kind, ""):
                total = sums.setdefault(kind, [0.0, 0.0])
                total[0] += event["seconds"]
                total[1] += published_seconds(task, results, gpu)
    ratios = {kind: took / expected for kind, (took, expected) in sums.items() if expected > 0.0}

    def seconds_of(task: Task) -> float:
        if task.kind not in ratios and task.kind in mean:
            return mean[task.kind]
        return published_seconds(task, results, gpu) * ratios.get(task.kind, ratios.get("", 1.0))

    return seconds_of


def measured_seconds(events: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Mean seconds of each kind of task that this farm has done."""
    sums: dict[str, list[float]] = {}
    for event in events:
        if _is_done_event(event) and event.get("kind") in STAGES:
            sums.setdefault(event["kind"], []).append(float(event["seconds"]))
    return {kind: sum(values) / len(values) for kind, values in sums.items()}


def _is_done_event(event: dict[str, Any]) -> bool:
    seconds = event.get("seconds")
    return event["event"] == "done" and isinstance(seconds, int | float) and is_finite(seconds)


def published_seconds(task: Task, results: Results, gpu: bool) -> float:
    """Seconds of a task by `SECONDS`."""
    job = task.jobs[0]
    if task.kind == "selftest":
        return job.seconds
    resolution = resolution_of(results.base(job))
    pace = SECONDS["gpu large" if gpu else "cpu small"]
    scale = 1.0 if gpu or resolution <= SMALL else (resolution / SMALL) ** 2
    if task.kind == "render":
        return scale * sum(len(one.views) for one in task.jobs) * pace["render"] + pace["start"]
    name, kind = KINDS["invert" if task.kind == "invert" else job.method]
    return scale * config(job, kind, resolution).steps * pace[name] + pace["start"]


def _bytes_of(task: Task, results: Results) -> int:
    job = task.jobs[0]
    if task.kind == "selftest":
        return 64 << 10
    base = results.base(job)
    if task.kind == "train":
        return base.stat().st_size * (2 if job.method == "coupled" else 1)
    area = (resolution_of(base) / SMALL) ** 2
    if task.kind == "invert":
        return int(PORTRAIT_BYTES * area)
    return int(PICTURE_BYTES * area * sum(len(one.views) for one in task.jobs))


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
