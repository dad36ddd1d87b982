"""How often each drill is done, and what came of it.

A plain run does the quick counts. `python tests/run.py --trust` does the long ones; `--trust 0.1 --seed 3`
a tenth with another seed, `--seconds 600` what each drill reaches in ten minutes. Shares add up: each leaves
its lines below output/trust, and the table in docs/trust.md sums those of all seeds.
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
from typing import Any

from harness.environment import ROOT

SHARE, SEED_NAME, TIME = "ITPORTRAIT_TRUST", "ITPORTRAIT_TRUST_SEED", "ITPORTRAIT_TRUST_SECONDS"
"""Environment variables of the test programs: share of the long counts, absent for the quick ones; seed of
every fuzzer; seconds after which a drill ends with what it has done."""
SEED = int(os.environ.get(SEED_NAME, "7"))
FOLDER = ROOT / "output" / "trust"
"""Where the drills leave their results for the table."""
TABLE = {
    "mutated files": (200, 200_000, "crashes, raw errors, files that take a minute"),
    "crafted files": (1, 1, "raw errors, more than 3 x the file + 300 MB, more than 5 s"),
    "kills": (13, 500, "torn files, drafts that stay or are listed"),
    "full disks": (26, 200, "torn or stray files, drafts named in messages"),
    "hostile workflows": (0, 10_000, "dead servers and raw errors of ours"),
    "cancels": (0, 50, "results of cancelled runs, prompts that fail afterwards"),
    "resumes": (1, 20, "weights that differ from an uninterrupted run"),
    "two servers, saves each": (0, 1_000, "saves that said 'saved' and are gone"),
    "path strings": (105, 105, "files outside, names taken that lead out"),
    "strings in Chromium": (0, 60, "anything run or built by a string"),
    "train-render cycles": (0, 200, "growth beyond 200 MB"),
    "offline: text inputs": (1, 1, "connections tried"),
}
"""Drill -> quick count, long count, what is counted as a failure."""


EARLIER = (
    "147,516 mutated files, 1,004 kills, 200 full disks, 1,628 hostile workflows, 50 cancels, 20 resumes,"
    " 120 saves by each of two servers and 45 train-render cycles"
)
"""What was done before the code last changed."""


def long() -> bool:
    """Whether the long part runs."""
    return SHARE in os.environ


def count(name: str) -> int:
    """How often a drill is done in this run."""
    quick, most, _ = TABLE[name]
    return max(quick, round(most * float(os.environ[SHARE]))) if long() else quick


@dataclass
class Tally:
    """One line of the table, of one seed."""

    name: str
    seed: int = SEED
    done: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: float = 0.0


@contextmanager
def tally(name: str) -> Iterator[Tally]:
    """Count a drill; at the end there must be no failure."""
    line, start = Tally(name), time.monotonic()
    try:
        yield line
    except Exception as error:
        line.failures.append(f"it ended early: {error!r:.300}")
        raise
    finally:
        line.seconds = round(time.monotonic() - start, 1)
        if long():
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"{name}-{SEED}.json").write_text(json.dumps(asdict(line)), encoding="utf-8")
    assert not line.failures, f"seed {SEED}, {len(line.failures)} failures: {line.failures[:5]}"


def rounds(line: Tally) -> Iterator[int]:
    """Numbers from 0 on, as many as this run asks for and its time allows; counts those that were done."""
    end = time.monotonic() + float(os.environ.get(TIME, "inf"))
    for number in range(count(line.name)):
        if time.monotonic() > end:
            return
        yield number
        line.done += 1


def batches(line: Tally, size: int) -> Iterator[list[int]]:
    """As `rounds`, some numbers at once."""
    end = time.monotonic() + float(os.environ.get(TIME, "inf"))
    for start in range(0, count(line.name), size):
        if time.monotonic() > end:
            return
        numbers = list(range(start, min(start + size, count(line.name))))
        yield numbers
        line.done += len(numbers)


def peak() -> int:
    """Megabytes that this process has held at most."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1 << 20 if platform.system() == "Darwin" else 1 << 10))


def table(folder: Path = FOLDER) -> str:
    """The results of all seeds as a table in Markdown."""
    head = (
        "drill",
        "done",
        "asked for",
        "failures",
        "what would be one",
        "seeds",
        "seconds",
        "slowest",
        "MB",
    )
    rows = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for name, (_, most, what) in TABLE.items():
        lines: list[dict[str, Any]] = [
            json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob(f"{name}-*.json"))
        ]
        asked = "all" if most == 1 else f"{most:,}"
        if not lines:
            rows.append(f"| {name} | 0 | {asked} | not run | {what} | | | | |")
            continue
        cells = (
            *(name, f"{sum(line['done'] for line in lines):,}", asked),
            *(sum(len(line["failures"]) for line in lines), what),
            ", ".join(str(seed) for seed in sorted(line["seed"] for line in lines)),
            round(sum(line["seconds"] for line in lines)),
            max(line["slowest"] for line in lines) or "",
            max(line["megabytes"] for line in lines) or "",
        )
        rows.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(rows)


def missing(folder: Path = FOLDER) -> str:
    """A paragraph that names the drills below their count; empty where there is none."""
    done = dict.fromkeys(TABLE, 0)
    for file in folder.glob("*.json"):
        line = json.loads(file.read_text(encoding="utf-8"))
        if line["name"] in done:
            done[line["name"]] += line["done"]
    short = [
        f"{name} ({done[name]:,} of {most:,})" for name, (_, most, _) in TABLE.items() if done[name] < most
    ]
    return f"**Not reached on this version**: {', '.join(short)}.\n\n" if short else ""


def page() -> str:
    """docs/trust.md."""
    return f"""# Trust

What was done to the pack, and how often something fell. `python tests/run.py --trust` does it again and
writes this page; `--trust 0.1 --seed 3` does a tenth with another seed, `--seconds 600` ends each drill after
ten minutes, and shares of other seeds add up. Times are those of the machine that ran it, busy or not.

{missing()}{table()}

`seconds` is the time of all, `slowest` the longest that one item took; `MB` is the memory that the dearest
took, for the crafted files beside the process itself. Layouts and options of an installation:
`tests/trust/test_layouts.py`. In every run of the tests: the quick counts, hostile pickles
(`tests/core/test_hostile_pickles.py`), and the archive as it is published (`tests/server/test_archive.py`).
Planted faults: `python tests/mutants.py`.

Earlier commits of 0.2.0 took {EARLIER} without a failure; those are not in the table.
"""
