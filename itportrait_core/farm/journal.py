"""What happened when: one file of JSON lines for each process, read together by those who watch."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIELDS: dict[str, type | tuple[type, ...]] = {"time": (int, float), "event": str, "task": str}
"""What every event has."""
_PROCESS = uuid.uuid4().hex[:6]
"""Tells this process from an earlier one of the same number."""


class Journal:
    """This process's file. A line that cannot be written is lost: a full disk must not fail a task twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"{socket.gethostname()}-{os.getpid()}-{_PROCESS}.jsonl"

    def note(self, event: str, key: str, **facts: object) -> None:
        """Append one event: start, resume, done or failed."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, "task": key, **facts})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            pass


def read_journals(folder: Path) -> Iterator[dict[str, Any]]:
    """Every event of every process; a line that is cut off is passed over."""
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else []:
        yield from read_journal(path)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Every event of one process; a file that cannot be read has none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except (RecursionError, ValueError):
            continue
        if isinstance(event, dict) and all(
            isinstance(event.get(name), kind) for name, kind in FIELDS.items()
        ):
            yield event
