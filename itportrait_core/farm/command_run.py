"""`farm run`: one task, this machine's workers, or a Ray cluster."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable

from ..checkpoints.sweeping import sweep
from . import local, perform
from .address import check_address
from .locks import STALE_SECONDS
from .opened import Opened, add_places, opened
from .perform import Bench
from .status import status_of, table
from .tasks import Task
from .work import work_on

STORAGE_EXIT, INTERRUPTED_EXIT = 4, 130
TABLE_SECONDS = 30
"""Between two tables of a run's progress."""


def add_run(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm run`."""
    add_places(parser)
    parser.add_argument("--index", type=int, metavar="N", help="only this task, and what it needs")
    parser.add_argument(
        "--backend", choices=("local", "ray"), default="local", help="who runs the tasks (local)"
    )
    parser.add_argument(
        "--address", default="", metavar="HOST:PORT", help="of a Ray cluster (one of our own)"
    )
    parser.add_argument("--workers", type=int, default=0, metavar="N",
                        help="processes; one per GPU, or per two cores, when left out")  # fmt: skip
    parser.add_argument(
        "--gpus-per-task", type=float, default=-1.0, metavar="X", help="Ray: share of a GPU (1)"
    )
    parser.add_argument("--cpus-per-task", type=float, default=1.0, metavar="X", help="Ray: cores (1)")
    parser.add_argument("--send-weights", action="store_true", help="Ray: send --models files to the nodes")
    silent = "seconds of silence after which a worker is taken for dead (60)"
    parser.add_argument("--stale", type=float, default=STALE_SECONDS, metavar="S", help=silent)
    parser.add_argument(
        "--resume-every", type=float, default=60.0, metavar="S", help="seconds between two resume points (60)"
    )
    parser.add_argument("--retry-parked", action="store_true", help="try parked tasks again")
    parser.add_argument("--device", default="", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Work on the sheet; returns the exit status.

    Raises:
        ITPortraitError: for a wrong sheet, before anything is run.
    """
    sheet = opened(arguments)
    bench = Bench(sheet.results.places, arguments.device or "cpu", arguments.stale, arguments.resume_every)
    tasks = sheet.tasks if arguments.index is None else sheet.with_parents(arguments.index)
    if arguments.retry_parked:
        for task in tasks:
            bench.failures.forget(task.key)
    sweep(bench.places.runs)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how queues say stop: locks are freed
    alone = bool(arguments.device) or arguments.index is not None
    try:
        if arguments.backend == "ray":
            _on_ray(tasks, bench, arguments)
        elif alone:
            _here(tasks, bench, arguments)
        else:
            _on_workers(sheet, bench, arguments)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED_EXIT
    status = status_of(tasks, bench.results, bench.stale)
    perform.tidy(status.done, bench)
    if not alone:
        print(table(status), flush=True)
    return status.exit_status if status.is_over else STORAGE_EXIT


def _here(tasks: list[Task], bench: Bench, arguments: argparse.Namespace) -> None:
    """In this very process."""
    if not arguments.device and tasks[0].kind != "selftest":
        bench.device = "cuda" if local.visible_gpus() else "cpu"
    local.work_through(tasks, bench, work_on, _told(bench))


def _on_workers(sheet: Opened, bench: Bench, arguments: argparse.Namespace) -> None:
    gpus = local.visible_gpus() if any(task.kind != "selftest" for task in sheet.tasks) else []
    environments = local.worker_environments(arguments.workers, gpus, os.cpu_count() or 1)
    words = ["farm", "run", *sheet.words, "--stale", str(arguments.stale)]
    words += ["--resume-every", str(arguments.resume_every)]

    def show() -> None:
        print(table(status_of(sheet.tasks, bench.results, bench.stale)), flush=True)

    local.run_workers(words, environments, TABLE_SECONDS, show)


def _on_ray(tasks: list[Task], bench: Bench, arguments: argparse.Namespace) -> None:
    from .ray_backend import RayOptions, run_on_ray

    check_address(arguments.address)
    options = RayOptions(
        arguments.address, arguments.gpus_per_task, arguments.cpus_per_task, arguments.workers,
        arguments.send_weights,
    )  # fmt: skip
    done = {task.key: perform.DONE for task in tasks if perform.is_done(task, bench.results)}
    bench.states.update(done)
    left = [task for task in tasks if task.key not in done]
    if left:
        run_on_ray(left, bench, options, _told(bench))


def _told(bench: Bench) -> Callable[[str, Task], None]:
    """Says what came of tasks; those that were done before stay silent."""

    def tell(state: str, task: Task) -> None:
        if state == perform.MADE:
            print(f"done: {task.label}", flush=True)
        elif state in (perform.FAILED, perform.PARKED):
            error = bench.failures.of(task.key).get("error", task.label)
            print(f"{state}: {error}", file=sys.stderr, flush=True)

    return tell
