"""How throughput of a farm grows with GPUs: a discrete simulation with measured times.

    python -m benchmarks.farm_scaling [--styles 30 --texts 12 --people 200] [--out FILE.csv]

Every GPU takes the first task that is free, as `itportrait_core/farm/local.py` does: inversions of style
pictures, trainings, groups of people. Times per step are those of benchmarks/full_size.py on an H100. Reads
and writes share one storage of limited bandwidth, in the order in which they are asked for; every process
looks at every task's file (a look costs `LOOK`). Nothing here runs a network.
"""

from __future__ import annotations

import argparse
import csv
import heapq
from dataclasses import dataclass
from pathlib import Path

STEP = {"invert": 0.09, "train": 0.53 / 2}
"""Seconds per step on an H100; of a coupled fine-tune the mean of a picture's step and a text's."""
STEPS = {"invert": 500, "train": 400}
PICTURE = 0.2
"""Seconds per picture of 512 px, with its file."""
START = 10.0
"""Seconds until a process is ready for its first task."""
OVERHEAD = 0.3
"""Seconds per task for lock, journal and scheduling."""
BASE, STYLE, PORTRAIT, PNG = 119e6, 2 * 119e6, 3.2e6, 0.35e6
"""Bytes of a generator, of both that a training ends in, of a portrait, of a picture."""
RESUME, EVERY = 4 * 119e6, 60.0
"""Bytes of a resume point of two generators with Adam's moments, about, and seconds between two."""
GROUP, VIEWS = 32, 3
LOOK = 0.0005
"""Seconds of the storage for one look at whether a file is there."""


@dataclass(frozen=True)
class Step:
    """A task: seconds of a GPU, bytes read before and written after, and tasks that it needs."""

    seconds: float
    read: float
    write: float
    needs: tuple[int, ...] = ()


def tasks_of(styles: int, texts: int, people: int) -> list[Step]:
    """The tasks of a sheet in the order in which workers look at them."""
    out: list[Step] = []
    for _ in range(styles):
        invert = len(out)
        out.append(Step(STEP["invert"] * STEPS["invert"], BASE, PORTRAIT))
        for _ in range(texts):
            train = len(out)
            seconds = STEP["train"] * STEPS["train"]
            saved = STYLE + RESUME * int(seconds / EVERY)
            out.append(Step(seconds, BASE + PORTRAIT, saved, (invert,)))
            for start in range(0, people, GROUP):
                count = min(GROUP, people - start) * VIEWS
                out.append(Step(count * PICTURE, BASE, count * PNG, (train,)))
    return out


def simulate(tasks: list[Step], gpus: int, bandwidth: float) -> tuple[float, float, float]:
    """Hours until the last task is done, share of time in which GPUs work, share in which the storage does.

    Args:
        tasks: in order.
        gpus: workers.
        bandwidth: of the storage, bytes a second.
    """
    ready = [i for i, task in enumerate(tasks) if not task.needs]
    children: dict[int, list[int]] = {}
    open_needs = [len(task.needs) for task in tasks]
    for i, task in enumerate(tasks):
        for parent in task.needs:
            children.setdefault(parent, []).append(i)
    idle, now = gpus, START
    events: list[tuple[float, bool, int]] = []  # time, whether the result is written too, task
    storage = busy = moved = 0.0
    while ready or events:
        while ready and idle:
            task, i = tasks[ready[0]], heapq.heappop(ready)
            asked = task.read / bandwidth + LOOK * gpus
            storage = max(storage, now) + asked
            heapq.heappush(events, (storage + OVERHEAD + task.seconds, False, i))
            idle, busy, moved = idle - 1, busy + task.seconds, moved + asked + task.write / bandwidth
        now, written, i = heapq.heappop(events)
        if not written:
            storage = max(storage, now) + tasks[i].write / bandwidth
            heapq.heappush(events, (storage, True, i))
            continue
        idle += 1
        for child in children.get(i, ()):
            open_needs[child] -= 1
            if open_needs[child] == 0:
                heapq.heappush(ready, child)
    return now / 3600, busy / (now * gpus), moved / now


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--styles", type=int, default=30)
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    tasks = tasks_of(arguments.styles, arguments.texts, arguments.people)
    rows = []
    for gigabytes in (0.1, 1.0, 10.0):
        alone, _, _ = simulate(tasks, 1, gigabytes * 1e9)
        for gpus in (1, 8, 64, 512):
            hours, used, storage = simulate(tasks, gpus, gigabytes * 1e9)
            rows.append(
                [gigabytes, gpus, round(hours, 3), round(alone / hours, 1), round(used, 3), round(storage, 3)]
            )
    head = ["storage GB/s", "GPUs", "hours", "times one GPU", "GPUs at work", "storage at work"]
    widths = [max(len(name), 8) + 2 for name in head]
    for row in [head, *rows]:
        print("".join(f"{value!s:>{width}}" for value, width in zip(row, widths, strict=True)))
    if arguments.out:
        with arguments.out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    main()
