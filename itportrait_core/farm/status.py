"""How far a sheet is: every task's state from its files, locks and failures, and when it will be done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import perform
from .estimate import in_words, pace
from .failures import Failures, is_parked
from .journal import read_journals
from .locks import STALE_SECONDS, holders
from .perform import is_done
from .results import Results
from .tasks import STAGES, Task

RUNNING, OPEN = "running", "open"
STATES = (perform.DONE, RUNNING, OPEN, perform.FAILED, perform.PARKED, perform.BLOCKED)
FAILED_EXIT, UNFINISHED_EXIT = 3, 5
BAR = 30
"""Characters of the progress bar."""


@dataclass
class Status:
    """The state of a sheet.

    Attributes:
        counts: stage -> state -> tasks.
        seconds: until the end by this farm's own times; None where nothing is under way.
        workers: running task -> who works on it.
        done: those whose results are there.
        troubles: an error each for failed and parked tasks.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float | None = None
    workers: dict[str, str] = field(default_factory=dict)
    done: list[Task] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def total(self, *states: str) -> int:
        """Tasks of all stages in some states; in all where none is given."""
        return sum(counter[state] for counter in self.counts.values() for state in states or STATES)

    @property
    def exit_status(self) -> int:
        """Of a command: 0 when every task is done, 3 when the others have failed, 5 while some are to do."""
        if self.total() == self.total(perform.DONE):
            return 0
        return FAILED_EXIT if self.is_over else UNFINISHED_EXIT

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to try."""
        return self.total() == self.total(perform.DONE, perform.PARKED, perform.BLOCKED)


def status_of(tasks: Sequence[Task], results: Results, stale: float = STALE_SECONDS) -> Status:
    """Look at every task."""
    folder = results.places.state
    status = Status(workers=holders(folder / "locks", stale))
    records = Failures(folder / "failed").all()
    states: dict[str, str] = {}
    for task in tasks:
        record = records.get(task.key, {})
        if is_done(task, results):
            state = perform.DONE
            status.done.append(task)
        elif is_parked(record):
            state = perform.PARKED
        elif any(states.get(key) in (perform.PARKED, perform.BLOCKED) for key in task.needs):
            state = perform.BLOCKED
        elif task.key in status.workers:
            state = RUNNING
        else:
            state = perform.FAILED if record.get("failures") else OPEN
        states[task.key] = state
        status.counts.setdefault(task.kind, Counter())[state] += 1
        if state in (perform.FAILED, perform.PARKED):
            status.troubles.append(f"{state}: {record.get('error', task.label)}")
    status.workers = {key: who for key, who in status.workers.items() if states.get(key) == RUNNING}
    if status.workers:
        status.seconds = _seconds_left(tasks, states, results) / len(status.workers)
    return status


def _seconds_left(tasks: Sequence[Task], states: Mapping[str, str], results: Results) -> float:
    """Of one worker, for what can still be done; a task that runs has been at it since its last start."""
    events = list(read_journals(results.places.state / "journal"))
    begun = {event["task"]: event["time"] for event in events if event["event"] in ("start", "resume")}
    seconds_of, now, seconds = pace(tasks, events, results, gpu=False), time.time(), 0.0
    for task in tasks:
        if states[task.key] in (RUNNING, OPEN, perform.FAILED):
            spent = now - begun.get(task.key, now) if states[task.key] == RUNNING else 0.0
            seconds += max(seconds_of(task) - max(spent, 0.0), 0.0)
    return seconds


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
