"""The time that a sheet takes, and when it will be done: by what this very farm took for the like."""

from __future__ import annotations

import time

import pytest
from farm_tools import places_in

from itportrait_core.farm import locks
from itportrait_core.farm.estimate import estimate, pace, published_seconds
from itportrait_core.farm.job import Source, Weights
from itportrait_core.farm.journal import read_journals
from itportrait_core.farm.making import make_jobs, seeds, selftests
from itportrait_core.farm.perform import Bench, attempt
from itportrait_core.farm.selftest import run_selftest
from itportrait_core.farm.status import UNFINISHED_EXIT, status_of, table
from itportrait_core.farm.tasks import plan_tasks


@pytest.fixture
def bench(tmp_path):
    return Bench(places_in(tmp_path))


def jobs_of(style: str, steps: int):
    """One person in one style, by so many steps."""
    source = Source("picture", f"{style}.png", style * 64)
    changes = {"changes": {"apt": {"steps": steps}, "inversion": {"steps": steps}}}
    return make_jobs([source], [""], seeds("1"), Weights(), changes)


def test_without_a_journal_published_times_count(bench):
    tasks = plan_tasks(jobs_of("a", 100), bench.results)
    cost = estimate(tasks, bench.results, gpu=False)
    assert not cost.measured
    assert cost.seconds == sum(published_seconds(task, bench.results, False) for task in tasks) > 0


def test_a_farm_twice_as_fast_takes_half_the_time_whatever_the_settings(bench):
    """An inversion was done here. Another of other steps goes by its pace, and so do kinds never done."""
    tasks = plan_tasks([*jobs_of("a", 100), *jobs_of("b", 300)], bench.results)
    first = published_seconds(tasks[0], bench.results, False)
    bench.journal.note("done", tasks[0].key, kind="invert", seconds=first / 2)
    seconds_of = pace(tasks, list(read_journals(bench.journal.folder)), bench.results, gpu=False)
    for task in tasks:
        assert seconds_of(task) == pytest.approx(published_seconds(task, bench.results, False) / 2)
    assert estimate(tasks, bench.results, gpu=False).measured


def test_another_sheet_of_the_farm_tells_the_time_of_its_kind(bench):
    bench.journal.note("done", "train-of-another-sheet", kind="train", seconds=33.0)
    tasks = plan_tasks(jobs_of("a", 100), bench.results)
    seconds_of = pace(tasks, list(read_journals(bench.journal.folder)), bench.results, gpu=False)
    assert [seconds_of(task) for task in tasks if task.kind == "train"] == [33.0]


def test_the_end_counts_what_can_still_be_done_less_what_runs_already(bench, monkeypatch):
    """Four self-tests of 60 s: one done in 50, one parked, one at work for 20, one open."""
    tasks = plan_tasks(selftests(4, 1, 60.0), bench.results)
    monkeypatch.setattr("time.sleep", lambda _: None)
    attempt(tasks[0], bench, run_selftest)
    for file in bench.journal.folder.iterdir():
        file.unlink()
    bench.journal.note("done", tasks[0].key, kind="selftest", seconds=50.0)
    for _ in range(3):
        bench.failures.failed(tasks[1].key, "x", ValueError("no"))
    assert status_of(tasks, bench.results).seconds is None, "nobody works"
    lock = locks.acquire(bench.places.state / "locks", tasks[2].key)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 20)
    bench.journal.note("start", tasks[2].key, kind="selftest")
    monkeypatch.setattr("time.time", lambda: now)
    status = status_of(tasks, bench.results)
    lock.release()
    assert status.seconds == pytest.approx(30 + 50, abs=0.01) and status.exit_status == UNFINISHED_EXIT
    assert "about 80 seconds left, until " in table(status) and "parked: x: no" in table(status)
