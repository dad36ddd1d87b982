"""Rendered truth is the same for a seed, however many threads make it; a stop waits for the end of a step."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from itportrait_core.pocket.training import loop
from itportrait_core.pocket.training.devices import threads_beside
from itportrait_core.pocket.training.growing import Growing, Job
from itportrait_core.pocket.training.heads_seen import SeenHeads
from itportrait_core.pocket.training.in_order import in_order
from tests.core.test_training_loop import Clock, loss, make


def slow_number(rng: torch.Generator) -> Job[float]:
    value = float(torch.rand((), generator=rng))

    def job(supersample: int) -> list[float]:
        time.sleep(0.02 * value)  # later jobs are often ready first
        return [value, value + supersample]

    return job


def rows(threads: int) -> list[float]:
    store = Growing(slow_number, seed=4, capacity=10, ahead=3, threads=threads)
    out = [value for _ in range(12) for value in store.rows(3, 1 if len(store) else 3)]
    store.close()
    return out


def test_threads_change_nothing() -> None:
    assert rows(1) == rows(5) and len(set(rows(1))) > 5


def test_heads_of_two_threads_are_those_of_one() -> None:
    stores = [SeenHeads(3, ahead=1, threads=threads) for threads in (1, 2)]
    first, second = (store.batch(5, 5) for store in stores)
    for name in ("latents", "cameras", "image", "depth", "mask", "face_box"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    for store in stores:
        store.close()


def test_jobs_run_side_by_side() -> None:
    """Two jobs that wait for each other end; the first one runs alone."""
    meeting = threading.Barrier(2, timeout=30)

    def jobs() -> Iterator[Callable[[], int]]:
        yield lambda: 0
        for k in (1, 2):
            yield lambda k=k: meeting.wait() * 0 + k  # type: ignore[misc]

    assert list(in_order(jobs(), threads=2, ahead=2)) == [0, 1, 2]


def test_a_job_that_fails_is_told_where_its_rows_are_asked_for() -> None:
    def make_row(rng: torch.Generator) -> Job[int]:
        def job(supersample: int) -> list[int]:
            raise ValueError("no head")

        return job

    with pytest.raises(ValueError, match="no head"):
        Growing(make_row, seed=0, capacity=4, ahead=2, threads=2).rows(1, 1)


def test_no_job_begins_after_the_end() -> None:
    begun: list[int] = []

    def jobs() -> Iterator[Callable[[], None]]:
        k = 0
        while True:
            k += 1
            yield lambda k=k: begun.append(k)  # type: ignore[misc]

    made = in_order(jobs(), threads=1, ahead=4)
    for _ in range(3):
        next(made)
    made.close()
    time.sleep(0.05)
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count <= 3 + 4


def test_one_thread_renders_beside_a_cpu_and_all_beside_a_card() -> None:
    assert threads_beside("cpu") == 1 and threads_beside("cuda") == torch.get_num_threads()


def test_a_stop_waits_for_the_end_of_the_step_and_loses_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "time", Clock())
    whole = make(tmp_path / "whole", 9 / 60)
    whole.run(loss)

    def interrupted(trainer: loop.Trainer) -> dict[str, torch.Tensor]:
        if trainer.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(trainer)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "broken", 9 / 60).run(interrupted)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = make(tmp_path / "broken", 9 / 60)
    assert resumed.step == 4
    resumed.run(loss)
    assert resumed.step == whole.step == 9
    assert torch.equal(resumed.module.weight, whole.module.weight)
