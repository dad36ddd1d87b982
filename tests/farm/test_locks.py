"""Locks: one holder at a time, whatever dies; failures are counted, and poison is parked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from farm_tools import places_in

from itportrait_core.errors import ITPortraitError
from itportrait_core.farm import locks, perform
from itportrait_core.farm.failures import MOST_DEATHS, MOST_FAILURES, Failures
from itportrait_core.farm.making import selftests
from itportrait_core.farm.perform import Bench, attempt
from itportrait_core.farm.selftest import run_selftest
from itportrait_core.farm.tasks import plan_tasks, resume_point


def test_a_lock_is_held_once_and_can_be_taken_again(tmp_path):
    first = locks.acquire(tmp_path, "k")
    assert first is not None and locks.acquire(tmp_path, "k") is None
    first.release()
    again = locks.acquire(tmp_path, "k")
    assert again is not None and not again.takes_over
    again.release()
    assert list(tmp_path.iterdir()) == []


def test_keys_that_begin_alike_are_different_locks(tmp_path):
    held = [locks.acquire(tmp_path, key) for key in ("k", "k.1", "k-1")]
    assert all(held)
    for lock in held:
        lock.release()


def test_many_threads_get_one_lock(tmp_path):
    got: list[locks.Lock] = []
    start = threading.Barrier(16)

    def take() -> None:
        start.wait()
        lock = locks.acquire(tmp_path, "k")
        if lock is not None:
            got.append(lock)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def leave_lock(folder, key, machine, pid, age):
    folder.mkdir(exist_ok=True)
    path = folder / f"{key}.1.lock"
    path.write_text(json.dumps({"machine": machine, "pid": pid}))
    os.utime(path, (time.time() - age,) * 2)


def test_silence_of_another_machine_is_waited_for(tmp_path):
    leave_lock(tmp_path, "k", "other", 1, age=5.0)
    assert locks.acquire(tmp_path, "k", stale=60.0) is None
    taken = locks.acquire(tmp_path, "k", stale=2.0)
    assert taken is not None and taken.takes_over and taken.path.name == "k.2.lock"
    assert locks.acquire(tmp_path, "k", stale=2.0) is None
    taken.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot be asked without ending the process")
def test_a_dead_process_of_this_machine_is_not_waited_for(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leave_lock(tmp_path, "k", locks.machine(), child.pid, age=0.0)
    assert locks.acquire(tmp_path, "k") is not None


def test_a_holder_shows_that_it_lives(tmp_path):
    lock = locks.acquire(tmp_path, "k", stale=0.6)
    before = lock.path.stat().st_mtime_ns
    deadline = time.monotonic() + 20
    while lock.path.stat().st_mtime_ns == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lock.path.stat().st_mtime_ns > before
    lock.release()


@pytest.fixture
def bench(tmp_path):
    return Bench(places_in(tmp_path))


@pytest.fixture
def task(bench):
    return plan_tasks(selftests(1, 3, 0.0), bench.results)[0]


def test_a_task_is_made_once(bench, task):
    assert attempt(task, bench, run_selftest) == perform.MADE
    fresh = Bench(bench.places)
    assert attempt(task, fresh, lambda *_: pytest.fail("worked again")) == perform.DONE


def test_half_a_file_is_not_a_result(bench, task):
    attempt(task, bench, run_selftest)
    file = bench.results.selftest(task.jobs[0])
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert attempt(task, Bench(bench.places), run_selftest) == perform.MADE
    assert file.read_bytes() == whole


def test_what_dead_holders_of_done_tasks_left_is_removed(bench, task):
    other = plan_tasks(selftests(2, 3, 0.0), bench.results)[1]
    attempt(task, bench, run_selftest)
    for one in (task, other):
        leave_lock(bench.places.state / "locks", one.key, "other", 1, age=0.0)
        resume_point(one, bench.results).write_text("{}")
        bench.failures.died(one.key, one.label, progress="")
    perform.tidy([task], bench)
    assert bench.failures.keys() == {other.key}
    assert [file.name for file in (bench.places.state / "locks").iterdir()] == [f"{other.key}.1.lock"]
    assert list(bench.places.runs.glob("*.resume")) == [resume_point(other, bench.results)]


def test_a_task_that_somebody_holds_is_left_alone(bench, task):
    lock = locks.acquire(bench.places.state / "locks", task.key)
    assert attempt(task, bench, lambda *_: pytest.fail("worked")) == perform.BUSY
    lock.release()


def test_three_failures_park_a_task_with_its_log(bench, task):
    def fail(*_):
        raise ITPortraitError("the picture is empty")

    states = [attempt(task, bench, fail) for _ in range(MOST_FAILURES)]
    assert states == [perform.FAILED, perform.FAILED, perform.PARKED]
    record = Failures(bench.places.state / "failed").of(task.key)
    assert record["error"] == "self-test 0: the picture is empty" and "ITPortraitError" in record["log"][-1]
    assert attempt(task, Bench(bench.places), run_selftest) == perform.PARKED
    bench.failures.forget(task.key)
    assert attempt(task, Bench(bench.places), run_selftest) == perform.MADE


def test_a_task_that_kills_its_process_is_parked_unless_it_gets_further(bench, task):
    for index in range(MOST_DEATHS):
        assert not bench.failures.parked(task.key)
        bench.failures.died(task.key, task.label, progress=f"{index // 5}")
    for _ in range(MOST_DEATHS):
        bench.failures.died(task.key, task.label, progress="1")
    assert bench.failures.parked(task.key)


def test_a_full_disk_is_the_machines_fault(bench, task, monkeypatch):
    def full(*_):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise ITPortraitError("cannot be written") from error

    assert attempt(task, bench, full) == perform.STORAGE
    assert bench.failures.all() == {}
