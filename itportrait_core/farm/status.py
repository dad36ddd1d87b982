"""How far a sheet is: every task's state from its files, locks and failures, and when it will be done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import perform
from .estimate import estimate, in_words
from .failures import Failures
from .locks import STALE_SECONDS, holders
from .perform import is_done
from .results import Results
from .tasks import STAGES, Task

RUNNING, OPEN = "running", "open"
STATES = (perform.DONE, RUNNING, OPEN, perform.FAILED, perform.PARKED, perform.BLOCKED)
BAR = 30
"""Characters of the progress bar."""


@dataclass
class Status:
    """The state of a sheet.

    Attributes:
        counts: stage -> state -> tasks.
        seconds: until the end by this farm's own times; None where nothing is under way.
        workers: running task -> who works on it.
        troubles: an error each for failed and parked tasks.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float | None = None
    workers: dict[str, str] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def total(self, *states: str) -> int:
        """Tasks of all stages in some states; in all where none is given."""
        return sum(counter[state] for counter in self.counts.values() for state in states or STATES)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to try."""
        return self.total() == self.total(perform.DONE, perform.PARKED, perform.BLOCKED)


def status_of(tasks: Sequence[Task], results: Results, stale: float = STALE_SECONDS) -> Status:
    """Look at every task."""
    state_folder = results.places.state
    status = Status(workers=holders(state_folder / "locks", stale))
    failures = Failures(state_folder / "failed")
    records = failures.all()
    states: dict[str, str] = {}
    for task in tasks:
        states[task.key] = state = _state(task, results, status.workers, records, failures, states)
        status.counts.setdefault(task.kind, Counter())[state] += 1
        if state in (perform.FAILED, perform.PARKED):
            status.troubles.append(f"{state}: {records[task.key].get('error', task.label)}")
    status.workers = {key: who for key, who in status.workers.items() if states.get(key) == RUNNING}
    status.seconds = _seconds_left(tasks, results, status)
    return status


def table(status: Status) -> str:
    """The state as a table in text."""
    done, total = status.total(perform.DONE), status.total()
    share = done / total if total else 1.0
    filled = int(share * BAR)
    lines = [f"[{'#' * filled}{'.' * (BAR - filled)}] {done} of {total} tasks, {100 * share:.0f} %"]
    lines.append("".join(f"{name:>10}" for name in ("stage", *STATES)))
    for stage in STAGES:
        if stage in status.counts:
            row = (stage, *(str(status.counts[stage][state]) for state in STATES))
            lines.append("".join(f"{value:>10}" for value in row))
    if status.seconds is not None:
        end = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + status.seconds))
        lines.append(f"about {in_words(status.seconds)} left, until {end}")
    lines += [f"{who} works on {key}" for key, who in sorted(status.workers.items())[:20]]
    return "\n".join([*lines, *status.troubles[:20]])


def _state(
    task: Task, results: Results, working: dict[str, str], records: dict[str, dict[str, object]],
    failures: Failures, states: dict[str, str],
) -> str:  # fmt: skip
    if is_done(task, results):
        return perform.DONE
    if task.key in records and failures.parked(task.key):
        return perform.PARKED
    if any(states.get(key) in (perform.PARKED, perform.BLOCKED) for key in task.needs):
        return perform.BLOCKED
    if task.key in working:
        return RUNNING
    return perform.FAILED if records.get(task.key, {}).get("failures") else OPEN


def _seconds_left(tasks: Sequence[Task], results: Results, status: Status) -> float | None:
    """Work that is left, by the farm's own times, over the number of those who work now."""
    if not status.workers:
        return None
    return estimate(tasks, results, gpu=False).seconds / len(status.workers)
