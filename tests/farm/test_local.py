"""This machine's workers: whatever is killed, every result is there once, with the bytes of a serial run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from farm_tools import ROOT, command, contents, environment, farm, finished, selftest_sheet

from itportrait_core.farm import local
from itportrait_core.farm.command_run import INTERRUPTED_EXIT, STORAGE_EXIT
from itportrait_core.farm.status import UNFINISHED_EXIT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills processes as POSIX systems do")


@pytest.fixture
def serial(tmp_path):
    """A sheet of six jobs, and the results of one process that was left alone."""
    sheet = selftest_sheet(tmp_path, 6, rounds=6, seconds=0.6)
    assert farm("run", sheet, "--output", tmp_path / "serial", "--device", "cpu").returncode == 0
    return sheet, contents(tmp_path / "serial")


def test_two_runs_share_one_folder(tmp_path, serial):
    sheet, wanted = serial
    words = command("run", sheet, "--output", tmp_path / "both", "--device", "cpu")
    both = [subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert contents(tmp_path / "both") == wanted
    assert set(finished(tmp_path / "both").values()) == {1}


def test_queueing_again_makes_nothing(tmp_path, serial):
    sheet, wanted = serial
    output = tmp_path / "serial"
    before = finished(output)
    times = {file: file.stat().st_mtime_ns for file in (output / "itportrait" / "runs").iterdir()}
    ran = farm("run", sheet, "--output", output, "--workers", 1)
    assert ran.returncode == 0 and "6 of 6 tasks" in ran.stdout
    assert finished(output) == before
    assert times == {file: file.stat().st_mtime_ns for file in times} and contents(output) == wanted


def test_killed_workers_are_replaced_and_their_jobs_go_on(tmp_path, serial):
    import psutil

    sheet, wanted = serial
    output = tmp_path / "killed"
    words = command("run", sheet, "--output", output, "--workers", 2, "--resume-every", 0.05)
    run = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(3):
        time.sleep(2.0)
        workers = psutil.Process(run.pid).children() if run.poll() is None else []
        if workers:
            random.Random(len(workers)).choice(workers).send_signal(signal.SIGKILL)
    assert run.wait(timeout=120) == 0
    assert contents(output) == wanted and max(finished(output).values()) == 1


def test_a_run_that_is_told_to_stop_takes_its_workers_along(tmp_path):
    """As queues do: SIGTERM, and nothing is left that another would have to wait for."""
    sheet, output = selftest_sheet(tmp_path, 2, rounds=100, seconds=600), tmp_path / "output"
    run = subprocess.Popen(command("run", sheet, "--output", output, "--workers", 2), env=environment())
    locks = output / "itportrait" / "farm" / "locks"
    while len(list(locks.glob("*.lock"))) < 2:
        assert run.poll() is None
        time.sleep(0.1)
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=120) == INTERRUPTED_EXIT and not list(locks.glob("*.lock"))


def test_failed_jobs_give_their_own_exit_status_and_stop_nobody(tmp_path):
    """A resume point of another job makes one of three jobs fail."""
    sheet = selftest_sheet(tmp_path, 3)
    output = tmp_path / "output"
    assert farm("run", sheet, "--output", tmp_path / "name", "--device", "cpu", "--index", 1).returncode == 0
    assert farm("watch", sheet, "--output", tmp_path / "name", "--once").returncode == UNFINISHED_EXIT
    assert farm("pack", sheet, "--output", tmp_path / "name").returncode == UNFINISHED_EXIT
    (bad,) = contents(tmp_path / "name")
    point = output / "itportrait" / "runs" / bad.replace(".safetensors", ".resume")
    point.parent.mkdir(parents=True)
    point.write_text('{"seed": 99, "done": 1, "value": "x"}')
    ran = farm("run", sheet, "--output", output, "--device", "cpu")
    assert (
        ran.returncode == 3 and "is another self-test's" in ran.stderr and "parked: self-test" in ran.stderr
    )
    assert len([name for name in contents(output) if name.endswith(".safetensors")]) == 2
    missing = farm("sheet", sheet, "--output", output)
    assert missing.returncode == 1 and "self-tests only" in missing.stderr
    watched = farm("watch", sheet, "--output", output, "--once")
    assert watched.returncode == 3 and "parked: self-test" in watched.stdout
    point.unlink()
    assert farm("run", sheet, "--output", output, "--device", "cpu", "--retry-parked").returncode == 0


def test_a_worker_whose_disk_is_full_gives_up_and_another_goes_on(tmp_path, serial):
    """RLIMIT_FSIZE lets files of this one process grow to 16 KiB only, as a quota does."""
    sheet, wanted = serial
    output = tmp_path / "full"
    words = command("run", sheet, "--output", output, "--device", "cpu")
    code = (
        "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)); "
        "sys.argv = sys.argv[1:]; runpy.run_module('itportrait_core', run_name='__main__')"
    )
    limited = subprocess.run(
        [words[0], "-c", code, "itportrait_core", *words[3:]],
        env=environment(),
        capture_output=True,
        timeout=120,
    )
    assert limited.returncode == STORAGE_EXIT
    assert contents(output) == {} and not list((output / "itportrait" / "farm").glob("failed/*"))
    assert farm("run", sheet, "--output", output, "--device", "cpu").returncode == 0
    assert contents(output) == wanted


def test_the_program_runs_in_any_folder_by_a_python_that_looks_nowhere(tmp_path):
    """As the Python of ComfyUI's portable edition: neither the current folder nor PYTHONPATH is searched."""
    sheet = selftest_sheet(tmp_path, 1)
    given = {**environment(), "PYTHONPATH": ""}
    words = [sys.executable, "-I", ROOT / "itportrait_core", "farm", "run", sheet, "--workers", "1"]
    ran = subprocess.run(words, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert len(contents(tmp_path / "output")) == 1


def test_workers_get_a_gpu_or_a_share_of_the_cores_each():
    given = local.worker_environments(0, ["0", "3"], 8)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["0", "3"]
    given = local.worker_environments(4, ["0", "3"], 8)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["0", "3", "0", "3"]
    given = local.worker_environments(3, [], 8)
    assert given == [{"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}] * 3
