"""What the farm costs beside the work: planning a large sheet, and the time between tasks.

    python -m benchmarks.farm [--jobs 10000] [--selftests 6 --seconds 60 --workers 2] [--ray]

Planning runs in a process of its own, whose processor time and largest memory are printed. Overhead is taken
from the journals of self-tests: what passes on a worker from the end of one task to the end of the next, less
the seconds that the next one was to take. On a machine that does other work too, the processor time of a task
says more: that of many tasks that take no time, less that of one.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

from itportrait_core.farm.job import Source, Weights
from itportrait_core.farm.journal import read_journal
from itportrait_core.farm.local import child_environment
from itportrait_core.farm.making import make_jobs, seeds, selftests
from itportrait_core.farm.sheet import write_sheet

TEXTS = ["a hat", "a beard", "a smile", "glasses", "an old person"]


def planning(folder: Path, count: int) -> None:
    """Plan `count` jobs of ten styles and five texts, for made-up people and for people on pictures."""
    styles = [Source("picture", f"s{i}.png", f"{i:064x}") for i in range(10)]
    each = count // (len(styles) * len(TEXTS))
    pictures = [Source("picture", f"p{i}.png", f"{i + 99:064x}") for i in range(each)]
    for what, people in (("seeds", seeds(f"1-{each}")), ("pictures", pictures)):
        jobs = make_jobs(styles, TEXTS, people, Weights())
        sheet = write_sheet(folder / f"{what}.jsonl", jobs)
        seconds = _farm("plan", sheet)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"plan of {len(jobs)} jobs, people by {what}: {seconds:.2f} s, {memory:.0f} MB", flush=True)


def processor(folder: Path, count: int) -> None:
    """Processor time of a task beside its work."""
    used = []
    for jobs in (1, count + 1):
        sheet = write_sheet(folder / f"{jobs}.jsonl", selftests(jobs, 1, 0.0))
        used.append(_farm("run", sheet, "--output", folder / f"{jobs}", "--workers", 1))
    each = 1000 * (used[1] - used[0]) / count
    print(f"a task costs {each:.1f} ms of processor time beside its work", flush=True)


def overhead(folder: Path, count: int, seconds: float, workers: int, *words: str) -> None:
    """Run self-tests and print what each costs beside its own seconds."""
    sheet = write_sheet(folder / "selftests.jsonl", selftests(count, 60, seconds))
    output = folder / "output"
    _farm("run", sheet, "--output", output, "--workers", workers, *words)
    extra = []
    for journal in sorted((output / "itportrait" / "farm" / "journal").glob("*.jsonl")):
        ends = [event["time"] for event in read_journal(journal) if event["event"] == "done"]
        extra += [second - first - seconds for first, second in pairwise(ends)]
    shares = f"{median(extra):.2f} s in the middle, {max(extra):.2f} s at most"
    print(
        f"overhead of {len(extra)} tasks of {seconds:.0f} s, {' '.join(words) or 'local'}: {shares}",
        flush=True,
    )


def _farm(*words: object) -> float:
    """Processor seconds of a command and of the workers that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "itportrait_core", "farm", *(str(word) for word in words)]
    subprocess.run(command, env=child_environment({}), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures of docs/farm.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--selftests", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ray", action="store_true", help="measure the overhead on Ray, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        planning(Path(folder), arguments.jobs)
        processor(Path(folder), 200)
        given = (arguments.selftests, arguments.seconds, arguments.workers)
        overhead(Path(folder), *given)
        if arguments.ray:
            with tempfile.TemporaryDirectory() as second:
                overhead(Path(second), *given, "--backend", "ray")


if __name__ == "__main__":
    main()
