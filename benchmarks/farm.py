"""What the farm costs beside the work: planning a large sheet, and the time between tasks.

    python -m benchmarks.farm [--jobs 10000] [--selftests 6 --seconds 60 --workers 2] [--backend ray]

Planning runs in a process of its own, whose times and largest memory are printed. Overhead is taken from the
journals of self-tests: what passes on a worker from the end of one task to the end of the next, less the
seconds that the next one takes as a plain function. The first task of a worker pays for the start of its
process; the whole run says how much that is. On a machine that does other work too, the processor time of a
task says more: that of many tasks that take no time, less that of one.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from itportrait_core.farm.job import Source, Weights
from itportrait_core.farm.journal import read_journal
from itportrait_core.farm.local import program
from itportrait_core.farm.making import make_jobs, seeds, selftests
from itportrait_core.farm.perform import Bench
from itportrait_core.farm.places import Places
from itportrait_core.farm.selftest import run_selftest
from itportrait_core.farm.sheet import write_sheet
from itportrait_core.farm.tasks import plan_tasks

TEXTS = ["a hat", "a beard", "a smile", "glasses", "an old person"]


def planning(folder: Path, count: int) -> None:
    """Plan `count` jobs of ten styles and five texts, for made-up people and for people on pictures."""
    styles = [Source("picture", f"s{i}.png", f"{i:064x}") for i in range(10)]
    each = count // (len(styles) * len(TEXTS))
    pictures = [Source("picture", f"p{i}.png", f"{i + 99:064x}") for i in range(each)]
    for what, people in (("seeds", seeds(f"1-{each}")), ("pictures", pictures)):
        jobs = make_jobs(styles, TEXTS, people, Weights())
        sheet = write_sheet(folder / f"{what}.jsonl", jobs)
        start = time.monotonic()
        seconds = _farm("plan", sheet)
        clock = time.monotonic() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"plan of {len(jobs)} jobs, people by {what}: {clock:.2f} s by the clock, {seconds:.2f} s of "
            f"processor time, {memory:.0f} MB",
            flush=True,
        )


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
    jobs = selftests(count, 60, seconds)
    sheet = write_sheet(folder / "selftests.jsonl", jobs)
    bench = Bench(Places(folder, None, folder / "plain"))
    bench.places.runs.mkdir(parents=True)
    start = time.monotonic()
    run_selftest(plan_tasks(jobs[:1], bench.results)[0], bench)
    plain = time.monotonic() - start
    output, start = folder / "output", time.monotonic()
    _farm("run", sheet, "--output", output, "--workers", workers, *words)
    whole = time.monotonic() - start - plain * -(-count // workers)
    extra = []
    for journal in sorted((output / "itportrait" / "farm" / "journal").glob("*.jsonl")):
        ends = [event["time"] for event in read_journal(journal) if event["event"] == "done"]
        extra += [second - first - plain for first, second in pairwise(ends)]
    most = max(extra)
    print(
        f"overhead of {len(extra)} tasks of {seconds:.0f} s ({plain:.2f} s as a plain function), "
        f"{' '.join(words) or 'local'}: {median(extra):.3f} s in the middle, {most:.3f} s at most "
        f"({100 * most / plain:.2f} %); the run with all its processes' starts and ends {whole:.1f} s",
        flush=True,
    )


def _farm(*words: object) -> float:
    """Processor seconds of a command and of the workers that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [*program(), "farm", *(str(word) for word in words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures of docs/farm.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--selftests", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--backend", choices=("local", "ray"), default="local", help="of the overhead")
    arguments = parser.parse_args()
    backend = () if arguments.backend == "local" else ("--backend", arguments.backend)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.jobs:
            planning(Path(folder), arguments.jobs)
            processor(Path(folder), 200)
        if arguments.selftests:
            overhead(Path(folder), arguments.selftests, arguments.seconds, arguments.workers, *backend)


if __name__ == "__main__":
    main()
