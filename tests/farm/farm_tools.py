"""What the tests of the farm share: sheets of self-tests, the command line as a process, tiny real jobs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from itportrait_core.checkpoints.sweeping import sweep
from itportrait_core.farm.journal import read_journals
from itportrait_core.farm.making import selftests
from itportrait_core.farm.places import Places
from itportrait_core.farm.sheet import write_sheet

ROOT = Path(__file__).resolve().parents[2]


def places_in(folder: Path) -> Places:
    """Folders below a temporary one."""
    for name in ("input", "models"):
        (folder / name).mkdir(exist_ok=True)
    return Places(folder / "input", folder / "models", folder / "output")


def selftest_sheet(folder: Path, count: int, rounds: int = 4, seconds: float = 0.0) -> Path:
    """A sheet of self-tests."""
    return write_sheet(folder / "sheet.jsonl", selftests(count, rounds, seconds))


def command(*words: object) -> list[str]:
    """`python -m itportrait_core farm ...`."""
    return [sys.executable, "-m", "itportrait_core", "farm", *(str(word) for word in words)]


def environment(**more: str) -> dict[str, str]:
    """The environment of such a process."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def farm(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command and wait."""
    return subprocess.run(
        command(*words), env=environment(**more), capture_output=True, text=True, check=False, timeout=900
    )


def contents(output: Path) -> dict[str, str]:
    """Result -> hash of its bytes; resume points count too, and drafts that no killed process left."""
    runs = output / "itportrait" / "runs"
    sweep(runs, age=0.0)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(runs.iterdir())}


def finished(output: Path) -> Counter[str]:
    """Task -> how often it was brought to its end."""
    events = read_journals(output / "itportrait" / "farm" / "journal")
    return Counter(event["task"] for event in events if event["event"] == "done")


def lines_of(sheet: Path) -> list[dict]:
    """The lines of a sheet as JSON."""
    return [json.loads(line) for line in sheet.read_text(encoding="utf-8").splitlines()]
