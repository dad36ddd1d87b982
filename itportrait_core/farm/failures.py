"""Tasks that went wrong: what was wrong, how often, and when a task is parked.

A task that raised an error three times is parked with its last log. A task whose process died is only
interrupted, machines do that; but one that took its process with it ten times without getting a step
further is parked too.
"""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import read_json, write_json

MOST_FAILURES = 3
MOST_DEATHS = 10
LOG_LINES = 40
"""Lines of a traceback that are kept."""


def is_parked(record: Mapping[str, Any]) -> bool:
    """Whether the record of a task says that it is not to be tried again."""
    return record.get("failures", 0) >= MOST_FAILURES or record.get("deaths", 0) >= MOST_DEATHS


class Failures:
    """Records, a file for each task that ever failed. Only the holder of the task's lock writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, key: str) -> dict[str, Any]:
        """The record of a task: label, failures, deaths, error, log; empty where nothing went wrong, or where
        it is damaged."""
        record = read_json(self.folder / f"{key}.json") or {}
        counts = (record.get(name, 0) for name in ("failures", "deaths"))
        return record if all(isinstance(count, int) for count in counts) else {}

    def keys(self) -> set[str]:
        """Tasks that have a record."""
        return {path.stem for path in self.folder.glob("*.json")} if self.folder.is_dir() else set()

    def all(self) -> dict[str, dict[str, Any]]:
        """Task -> record."""
        return {key: self.of(key) for key in sorted(self.keys())}

    def parked(self, key: str) -> bool:
        """Whether a task is not to be tried again."""
        return is_parked(self.of(key))

    def failed(self, key: str, label: str, error: Exception) -> None:
        """Count an error of a task."""
        record = self.of(key)
        log = "".join(traceback.format_exception(error)).splitlines()[-LOG_LINES:]
        record |= {"label": label, "error": f"{label}: {error}"[:2000], "log": log, "time": time.time()}
        record |= {"failures": record.get("failures", 0) + 1, "host": socket.gethostname()}
        write_json(self.folder / f"{key}.json", record)

    def died(self, key: str, label: str, progress: str) -> None:
        """Count a process that ended in the middle of a task.

        Args:
            key: the task.
            label: its label.
            progress: changes when the task gets further; then the count starts anew.
        """
        record = self.of(key)
        again = record.get("progress") == progress
        deaths = record.get("deaths", 0) + 1 if again else 1
        record |= {"label": label, "deaths": deaths, "progress": progress, "time": time.time()}
        if deaths >= MOST_DEATHS:
            record["error"] = f"{label}: its process ended {deaths} times without a step done"
        write_json(self.folder / f"{key}.json", record)

    def forget(self, key: str) -> None:
        """Drop the record of a task that is done, or that is to be tried again."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)
