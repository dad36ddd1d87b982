"""The test of a farm: jobs that cost nothing but time, to try nodes, network and storage beforehand.

A self-test hashes its seed again and again, `rounds` times, and takes `seconds` for it. It lays down resume
points as a training does and ends in a file whose bytes depend on seed and rounds alone, so a farm on which
processes, machines and disks fail must end with the same bytes as one process that was left alone. Imports
no torch.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np

from ..checkpoints.atomic import replacing
from ..errors import ITPortraitError
from .files import read_json, write_json
from .perform import Bench
from .tasks import Task, resume_point

SIZE = 64 << 10
"""Bytes of a result."""


def run_selftest(task: Task, bench: Bench) -> None:
    """Do the rounds that are left, and write the result.

    Raises:
        ITPortraitError: when it cannot be written.
    """
    from safetensors.numpy import save

    job = task.jobs[0]
    point = resume_point(task, bench.results)
    done, value = _restored(point, job.person.seed)
    saved = time.monotonic()
    for index in range(done, job.rounds):
        value = _hashed(value)
        time.sleep(job.seconds / job.rounds)
        if index + 1 < job.rounds and time.monotonic() - saved >= bench.resume_seconds:
            write_json(point, {"seed": job.person.seed, "done": index + 1, "value": value})
            saved = time.monotonic()
    data = np.frombuffer(hashlib.shake_256(value.encode()).digest(SIZE), np.uint8)
    with replacing(bench.results.selftest(job)) as draft:
        draft.write_bytes(save({"value": data}, {"kind": "selftest"}))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _restored(point: Path, seed: int) -> tuple[int, str]:
    state = read_json(point)
    if state is None:
        return 0, _hashed(f"self-test {seed}")
    if state.get("seed") != seed:
        raise ITPortraitError(f"The resume point {point} is another self-test's; delete it.")
    return int(state["done"]), str(state["value"])
