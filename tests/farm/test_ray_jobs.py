"""Ray's job interface: the command of docs/farm.md, given to a head node of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
from farm_tools import ROOT, contents, environment, farm, selftest_sheet
from ray_cluster import MARKS, SETTINGS, free_ports, skip_where_a_node_has_died, start_nodes

pytestmark = [
    *MARKS,
    pytest.mark.skipif(
        find_spec("aiohttp_cors") is None, reason='the job interface needs `pip install "ray[default]"`'
    ),
]


def test_a_submitted_job_runs_the_farm(tmp_path):
    sheet = selftest_sheet(tmp_path, 4)
    assert farm("run", sheet, "--output", tmp_path / "serial", "--device", "cpu").returncode == 0
    pack, output = tmp_path / "pack", tmp_path / "output"
    left_out = shutil.ignore_patterns("weights", "__pycache__")  # 27 MB that self-tests do not read
    shutil.copytree(ROOT / "itportrait_core", pack / "itportrait_core", ignore=left_out)
    (port,) = free_ports(1)
    cluster = start_nodes({"num_cpus": 2, "include_dashboard": True, "dashboard_port": port})
    try:
        words = ["farm", "run", sheet, "--output", output, "--backend", "ray", "--address", "auto"]
        submit = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address"]
        submit += [f"http://127.0.0.1:{port}", "--working-dir", ".", "--"]
        ran = subprocess.run(
            [*submit, sys.executable, "-m", "itportrait_core", *map(str, words)],
            cwd=pack, env=environment(**SETTINGS), capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        if ran.returncode:
            skip_where_a_node_has_died(cluster)
    finally:
        cluster.shutdown()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert contents(output) == contents(tmp_path / "serial")
