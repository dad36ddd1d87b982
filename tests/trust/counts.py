"""How often each drill is done, and what came of it.

A plain run does the quick counts. `python tests/run.py --trust` does the long ones, or a share of them
(`--trust 0.1`), prints the table and writes it into docs/trust.md.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.environment import ROOT

SHARE = "ITPORTRAIT_TRUST"
"""Environment variable of the test programs: share of the long counts; absent for the quick ones."""
SEED = int(os.environ.get("ITPORTRAIT_TRUST_SEED", "7"))
"""Of every fuzzer; printed with each table."""
FOLDER = ROOT / "output" / "trust"
"""Where the drills leave their results for the table."""
TABLE = {
    "mutated files": (200, 200_000, "crashes and raw errors"),
    "kills": (13, 500, "torn files"),
    "full disks": (26, 200, "torn or stray files"),
    "hostile workflows": (0, 10_000, "dead servers and raw errors of ours"),
    "cancels": (0, 50, "results of cancelled runs, or prompts that fail afterwards"),
    "resumes": (1, 20, "weights that differ from an uninterrupted run"),
    "two servers, saves each": (0, 1_000, "saves that said 'saved' and are gone"),
    "path strings": (105, 105, "files outside, or names taken that lead out"),
    "train-render cycles": (0, 200, "growth beyond 200 MB"),
    "offline: text inputs": (1, 1, "connections tried"),
}
"""Drill -> quick count, long count, what is counted as a failure."""


def long() -> bool:
    """Whether the long part runs."""
    return SHARE in os.environ


def count(name: str) -> int:
    """How often a drill is done in this run."""
    quick, most, _ = TABLE[name]
    return max(quick, round(most * float(os.environ[SHARE]))) if long() else quick


@dataclass
class Tally:
    """One line of the table."""

    name: str
    done: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: float = 0.0


@contextmanager
def tally(name: str) -> Iterator[Tally]:
    """Count a drill; at the end there must be no failure."""
    line, start = Tally(name), time.monotonic()
    yield line
    line.seconds = round(time.monotonic() - start, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line.megabytes = round(peak / (1 << 20 if platform.system() == "Darwin" else 1 << 10))
    if long():
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{name}.json").write_text(json.dumps(asdict(line)), encoding="utf-8")
    assert not line.failures, (SEED, len(line.failures), line.failures[:5])


def table(folder: Path = FOLDER) -> str:
    """The results as a table in Markdown."""
    head = ("drill", "done", "asked for", "failures", "what would be one", "seconds", "slowest, s", "peak MB")
    rows = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for name, (_, most, what) in TABLE.items():
        file = folder / f"{name}.json"
        if not file.is_file():
            rows.append(f"| {name} | 0 | {most} | not run | {what} | | | |")
            continue
        line = json.loads(file.read_text(encoding="utf-8"))
        rows.append(
            f"| {name} | {line['done']} | {most} | {len(line['failures'])} | {what} | {line['seconds']} | "
            f"{line['slowest'] or ''} | {line['megabytes']:.0f} |"
        )
    return "\n".join(rows)


def page(share: str) -> str:
    """docs/trust.md."""
    return f"""# Trust

What was done to the pack, and how often something fell. Made by `python tests/run.py --trust {share}`: every
count is {share} times the one asked for, or the quick one where that is larger; the seed of every fuzzer is
{SEED}. Times are those of the machine that ran it, busy or not.

{table()}

Typed into every text widget in Chromium: the strings of `tests/web/hostile.json`
(`tests/web/test_hostile_strings.py`), in every run of the tests. Hostile pickles:
`tests/core/test_hostile_pickles.py`. Layouts of an installation: `tests/trust/test_layouts.py`. The archive:
`tests/server/test_archive.py`.
"""
