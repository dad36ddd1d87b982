"""Ray for real: workers, a node and the driver are killed, and the results are those of a serial run.

One cluster serves all tests: two raylets of one core each on this machine, with token authentication. The
tests take from it what they break, so their order counts: the last one loses a node.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from farm_tools import ROOT, command, contents, environment, farm, finished, selftest_sheet
from ray_cluster import MARKS, SETTINGS, skip_where_a_node_has_died, start_nodes

from itportrait_core.farm.failures import MOST_FAILURES, Failures
from itportrait_core.farm.status import FAILED_EXIT

pytestmark = MARKS
HEAD = {
    "num_cpus": 1,
    "include_dashboard": False,
    "include_log_monitor": False,
    "no_monitor": True,
    "_system_config": {"health_check_period_ms": 1000, "health_check_timeout_ms": 10_000,
                       "health_check_failure_threshold": 8},
}  # fmt: skip
"""A node that does not answer at all is lost after eight seconds, one that answers late after eighty."""
JOBS = 60
LIMIT = 40960
"""Bytes of a file on a disk that is full: a result has more."""
LONGEST = 900
"""Seconds after which a driver that is not done hangs; on a quiet machine it takes less than one minute."""

_drivers: list[subprocess.Popen[bytes]] = []


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """The two nodes."""
    made = start_nodes(HEAD, {"num_cpus": 1})
    yield made
    for driver in _drivers:
        driver.kill()  # without effect on those that have ended
    made.shutdown()


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The results of one process that was left alone; seconds decide nothing, so it takes none."""
    folder = tmp_path_factory.mktemp("serial")
    sheet = selftest_sheet(folder, JOBS, rounds=10)
    assert farm("run", sheet, "--output", folder / "output", "--device", "cpu").returncode == 0
    return contents(folder / "output")


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """The same jobs, each long enough to be met by what fails."""
    return selftest_sheet(tmp_path, JOBS, rounds=10, seconds=0.2)


def start(sheet: Path, output: Path, cluster: object, **more: str) -> subprocess.Popen[bytes]:
    """`farm run --backend ray` on that cluster. Locks of dead processes of this machine are taken at once."""
    words = command("run", sheet, "--output", output, "--backend", "ray", "--address", cluster.address)
    log = output.with_suffix(".log").open("ab")
    words += ["--resume-every", "0.05"]
    _drivers.append(subprocess.Popen(words, env=environment(**SETTINGS, **more), stdout=log, stderr=log))
    return _drivers[-1]


def wait_for(driver: subprocess.Popen[bytes], output: Path, cluster: object, jobs: int) -> None:
    """Until so many jobs are done; the driver must be at work."""
    deadline = time.monotonic() + LONGEST
    while len(finished(output)) < jobs:
        if driver.poll() is not None or time.monotonic() > deadline:
            driver.kill()
            skip_where_a_node_has_died(cluster)
            pytest.fail(output.with_suffix(".log").read_text())
        time.sleep(0.2)


def ended(driver: subprocess.Popen[bytes], output: Path, cluster: object, status: int = 0) -> None:
    """Wait for the end of a driver, which must have that exit status."""
    try:
        found: int | None = driver.wait(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        driver.kill()
        found = None
    if found != status:
        skip_where_a_node_has_died(cluster)
        pytest.fail(f"exit status {found}\n{output.with_suffix('.log').read_text()}")


def check(driver: subprocess.Popen[bytes], output: Path, cluster: object, wanted: dict[str, str]) -> None:
    """Every result once, with the right bytes, nothing else beside them, nothing done twice."""
    ended(driver, output, cluster)
    assert contents(output) == wanted
    assert max(finished(output).values()) == 1
    assert not list((output / "itportrait" / "farm" / "locks").glob("*.lock"))
    assert not list((output / "itportrait" / "farm" / "failed").glob("*"))


def raylet_of(node: object) -> int:
    """Process number of a node's raylet."""
    (info,) = node.all_processes["raylet"]
    return info.process.pid


def busy_workers(cluster: object) -> list[object]:
    """The processes that this cluster runs our tasks in, now."""
    import psutil

    found = []
    for node in cluster.list_all_nodes():
        try:
            for process in psutil.Process(raylet_of(node)).children(recursive=True):
                if process.cmdline() and process.cmdline()[0].startswith("ray::try_"):
                    found.append(process)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Kills a busy worker every two seconds, to the end.

    A busy machine takes longer than that to start a worker, so one dies only after another job is done.
    """

    def __init__(self, cluster: object, output: Path) -> None:
        super().__init__(daemon=True)
        self.cluster, self.output, self.rng = cluster, output, random.Random(1)
        self.over, self.kills = threading.Event(), 0

    def run(self) -> None:
        done = 0
        while not self.over.wait(2.0):
            now = len(finished(self.output))
            workers = busy_workers(self.cluster) if now > done else []
            if workers:
                self.rng.choice(workers).send_signal(signal.SIGKILL)
                done, self.kills = now, self.kills + 1


def test_killed_workers_and_a_killed_driver_cost_time_alone(tmp_path, cluster, serial, sheet):
    output, killer = tmp_path / "ray", Killer(cluster, tmp_path / "ray")
    killer.start()
    try:
        driver = start(sheet, output, cluster)
        wait_for(driver, output, cluster, JOBS // 3)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        check(start(sheet, output, cluster), output, cluster, serial)
    finally:
        killer.over.set()
    before = finished(output)
    check(start(sheet, output, cluster), output, cluster, serial)
    assert finished(output) == before and killer.kills
    print(f"{JOBS} jobs, {killer.kills} workers killed, driver killed once: {len(serial)} results")


def in_workers(folder: Path, code: str) -> dict[str, str]:
    """Environment of a driver whose workers run some code when they start; they take its PYTHONPATH over."""
    home = folder / "path"
    home.mkdir()
    begin = "import os, sys\nif any('default_worker' in word for word in sys.orig_argv):\n"
    (home / "sitecustomize.py").write_text(f"{begin}    {code}\n")
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(home)])}


def test_a_node_whose_disk_is_full_leaves_its_jobs_to_the_other(tmp_path, cluster, serial, sheet):
    """The second node's workers may write files of 40 KiB only, as under a quota."""
    (node,) = cluster.worker_nodes
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))"
    code = f"os.getppid() == {raylet_of(node)} and (resource := __import__('resource')) and {limit}"
    driver = start(sheet, tmp_path / "ray", cluster, **in_workers(tmp_path, code))
    check(driver, tmp_path / "ray", cluster, serial)
    lines = [file.read_text() for file in (tmp_path / "ray/itportrait/farm/journal").glob("*.jsonl")]
    assert any('"event": "storage"' in line for line in lines)


def test_nodes_without_the_pack_park_its_tasks(tmp_path, cluster):
    """What fails before our own code runs on a node counts, too: three failures, and the task is parked."""
    sheet = selftest_sheet(tmp_path, 2)
    missing = in_workers(tmp_path, "sys.modules['itportrait_core'] = None")
    driver = start(sheet, tmp_path / "ray", cluster, **missing)
    ended(driver, tmp_path / "ray", cluster, FAILED_EXIT)
    records = Failures(tmp_path / "ray/itportrait/farm/failed").all()
    assert [record["failures"] for record in records.values()] == [MOST_FAILURES] * 2
    assert all("itportrait_core" in record["error"] for record in records.values())


def test_a_lost_node_costs_time_alone(tmp_path, cluster, serial, sheet):
    output = tmp_path / "ray"
    driver = start(sheet, output, cluster)
    wait_for(driver, output, cluster, JOBS // 2)
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)
    check(driver, output, cluster, serial)
