"""One machine: a process for each GPU or group of cores, which find their work by the locks alone.

Nobody hands tasks out. Every process goes through the tasks of the sheet and takes the first that is free,
so a second `farm run` on the same folder, here or on another machine, simply helps.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import perform
from .perform import Bench, Work, attempt
from .tasks import Task

GPU = "CUDA_VISIBLE_DEVICES"
SHORTEST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between two looks at tasks that others work on."""
LARGEST_RESTART = 1000
"""Restarts of dead workers after which something else is wrong."""


def work_through(
    tasks: Sequence[Task], bench: Bench, work: Work, on_outcome: Callable[[str, Task], None]
) -> bool:
    """Try tasks until each is done, parked or blocked; False when this machine cannot write any more.

    Args:
        tasks: parents before children.
        bench: where to work.
        work: does a task.
        on_outcome: learns of every outcome but those of tasks that others work on.
    """
    left, wait = list(tasks), SHORTEST_WAIT
    while left:
        still, moved = [], False
        for task in left:
            state = attempt(task, bench, work)
            if state == perform.STORAGE:
                return False
            if state in perform.ENDED or state == perform.FAILED:
                on_outcome(state, task)
                moved = moved or state in (perform.MADE, perform.FAILED)
            if state not in perform.ENDED:
                still.append(task)
        left = still
        wait = SHORTEST_WAIT if moved else min(2 * wait, LONGEST_WAIT)
        if left and not moved:
            time.sleep(wait * random.uniform(0.5, 1.0))
    return True


def worker_environments(workers: int, gpus: Sequence[str], cores: int) -> list[dict[str, str]]:
    """What binds each worker to its GPU, or without any to its share of the cores.

    Args:
        workers: asked for; 0 for one per GPU, or one for each two cores.
        gpus: what CUDA_VISIBLE_DEVICES calls them.
        cores: of this machine.
    """
    if gpus:
        return [{GPU: gpus[index % len(gpus)]} for index in range(workers or len(gpus))]
    count = workers or max(cores // 2, 1)
    threads = str(max(cores // count, 1))
    return [dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads) for _ in range(count)]


def run_workers(
    command: Sequence[str], environments: Sequence[dict[str, str]], every: int, tell: Callable[[], object]
) -> None:
    """Start the workers, start those again that die, and wait.

    Args:
        command: arguments of `python -m itportrait_core`; `--device` is added.
        environments: of the workers.
        every: seconds between two calls of `tell`.
        tell: says how far it is.
    """
    running = {index: _start(command, one) for index, one in enumerate(environments)}
    restarts, last = 0, time.monotonic()
    try:
        while running:
            time.sleep(1.0)
            if time.monotonic() - last >= every:
                tell()
                last = time.monotonic()
            for index, process in list(running.items()):
                status = process.poll()
                if status is None:
                    continue
                died = status < 0 or status > 128  # by a signal: killed, or out of memory
                if died and restarts < LARGEST_RESTART:
                    restarts += 1
                    running[index] = _start(command, environments[index])
                else:
                    del running[index]
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def visible_gpus() -> list[str]:
    """The GPUs that a worker may be bound to, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    given = os.environ.get(GPU)
    if not torch.cuda.is_available():
        return []
    return given.split(",") if given else [str(index) for index in range(torch.cuda.device_count())]


def program() -> list[str]:
    """The words that start this very package's command line, from any folder and by any Python."""
    return [sys.executable, str(Path(__file__).resolve().parents[1])]


def typed(words: Sequence[str]) -> str:
    """Words as they are typed in this system's shell."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    device = "cuda" if GPU in environment else "cpu"
    return subprocess.Popen([*program(), *command, "--device", device], env=os.environ | environment)
