"""Ray for real: workers, a node and the driver are killed, and the results are those of a serial run."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from farm_tools import command, contents, environment, farm, finished, selftest_sheet

TOKEN = secrets.token_hex(32)
SETTINGS = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
os.environ |= SETTINGS  # before ray is imported
pytest.importorskip("ray", reason="ray has no wheel for this system, or is not installed")
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="kills processes as POSIX systems do"),
    pytest.mark.skipif(
        not os.environ.get("ITPORTRAIT_RAY"),
        reason="a cluster of two nodes wants a quiet machine of four cores: set ITPORTRAIT_RAY=1 there",
    ),
]
HEAD = {
    "num_cpus": 1,
    "include_dashboard": False,
    "object_store_memory": 80 << 20,
    "_system_config": {"health_check_period_ms": 1000, "health_check_timeout_ms": 10_000,
                       "health_check_failure_threshold": 20},
}  # fmt: skip
"""Nodes of a machine that is busy otherwise answer late; a killed one is noticed after twenty seconds."""


@pytest.fixture
def cluster() -> Iterator[object]:
    """Two raylets of one core each on this machine, with token authentication."""
    made = two_nodes()
    yield made
    made.shutdown()


def two_nodes(tries: int = 3) -> object:
    """The cluster. Ray gives a node thirty seconds to start, which a busy machine may miss."""
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        made.add_node(**HEAD)
        made.add_node(num_cpus=1, object_store_memory=80 << 20)
        made.wait_for_nodes()
    except Exception:
        made.shutdown()
        if tries == 1:
            raise
        return two_nodes(tries - 1)
    return made


def start(sheet: Path, output: Path, cluster: object) -> subprocess.Popen[bytes]:
    """`farm run --backend ray` on that cluster; stale locks are taken over after five seconds."""
    words = command("run", sheet, "--output", output, "--backend", "ray", "--address", cluster.address)
    log = output.with_suffix(".log").open("ab")
    more = ("--stale", "5", "--resume-every", "0.05")
    return subprocess.Popen([*words, *more], env=environment(**SETTINGS), stdout=log, stderr=log)


def busy_workers(cluster: object) -> list[object]:
    """The processes that this cluster runs our tasks in, now."""
    import psutil

    found = []
    for raylet in {
        info.process.pid for node in cluster.list_all_nodes() for info in node.all_processes.get("raylet", ())
    }:
        try:
            for process in psutil.Process(raylet).children(recursive=True):
                if process.cmdline() and process.cmdline()[0].startswith("ray::try_"):
                    found.append(process)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Kills a busy worker every two seconds."""

    def __init__(self, cluster: object) -> None:
        super().__init__(daemon=True)
        self.cluster, self.over, self.kills, self.dice = cluster, threading.Event(), 0, random.Random(1)

    def run(self) -> None:
        while not self.over.wait(2.0):
            workers = busy_workers(self.cluster)
            if workers:
                self.dice.choice(workers).send_signal(signal.SIGKILL)
                self.kills += 1


def serial_run(tmp_path: Path, jobs: int) -> tuple[Path, dict[str, str]]:
    """A sheet, and the results of one process that was left alone."""
    sheet = selftest_sheet(tmp_path, jobs, rounds=10, seconds=0.5)
    assert farm("run", sheet, "--output", tmp_path / "serial", "--device", "cpu").returncode == 0
    return sheet, contents(tmp_path / "serial")


def check(output: Path, wanted: dict[str, str]) -> None:
    """Every result once, with the right bytes, nothing else beside them, nothing done twice."""
    assert contents(output) == wanted
    assert max(finished(output).values()) == 1
    assert not list((output / "itportrait" / "farm" / "locks").glob("*.lock"))


@pytest.mark.parametrize("jobs", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_workers_and_a_killed_driver_cost_time_alone(tmp_path, cluster, jobs):
    sheet, wanted = serial_run(tmp_path, jobs)
    output, killer = tmp_path / "ray", Killer(cluster)
    killer.start()
    driver = start(sheet, output, cluster)
    while len(finished(output)) < jobs // 3 and driver.poll() is None:
        time.sleep(0.2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert start(sheet, output, cluster).wait(timeout=600) == 0, output.with_suffix(".log").read_text()
    killer.over.set()
    check(output, wanted)
    before = finished(output)
    assert start(sheet, output, cluster).wait(timeout=300) == 0
    assert finished(output) == before
    print(f"{jobs} jobs, {killer.kills} workers killed, driver killed once: {len(contents(output))} results")


@pytest.mark.parametrize("jobs", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_a_lost_node_costs_time_alone(tmp_path, cluster, jobs):
    sheet, wanted = serial_run(tmp_path, jobs)
    output = tmp_path / "ray"
    driver = start(sheet, output, cluster)
    while len(finished(output)) < jobs // 2 and driver.poll() is None:
        time.sleep(0.2)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    assert driver.wait(timeout=600) == 0, output.with_suffix(".log").read_text()
    check(output, wanted)


def test_a_node_whose_disk_is_full_leaves_its_jobs_to_the_other(tmp_path):
    """The second raylet may write files of 40 KiB only, as under a quota; so may its workers."""
    import resource

    sheet, wanted = serial_run(tmp_path, 6)
    made = two_nodes()
    try:
        node = next(iter(made.worker_nodes))
        (raylet,) = (info.process.pid for info in node.all_processes["raylet"])
        resource.prlimit(raylet, resource.RLIMIT_FSIZE, (40960, 40960))
        for worker in descendants(raylet):
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (40960, 40960))
        output = tmp_path / "ray"
        assert start(sheet, output, made).wait(timeout=600) == 0, output.with_suffix(".log").read_text()
        check(output, wanted)
        assert not list((output / "itportrait" / "farm").glob("failed/*"))
    finally:
        made.shutdown()


def descendants(pid: int) -> list[int]:
    """Processes below a process."""
    import psutil

    return [process.pid for process in psutil.Process(pid).children(recursive=True)]
