"""Scripts for queues: Slurm's is run under a stand-in sbatch, the others' formats are parsed back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from farm_tools import contents, environment, farm, places_in, selftest_sheet

from itportrait_core.errors import ITPortraitError
from itportrait_core.farm.emit import Submission, emit, stages
from itportrait_core.farm.job import Source, Weights
from itportrait_core.farm.making import make_jobs, seeds
from itportrait_core.farm.results import Results
from itportrait_core.farm.tasks import plan_tasks, staged

STYLES = [Source("picture", f"s{i}.png", f"{i}" * 64) for i in range(3)]
SBATCH = """#!/bin/bash
# A stand-in for sbatch: runs every element of the array one after another, as Slurm would with one node.
for word in "$@"; do case "$word" in
  --array=*) range="${word#--array=}" ;;
  --export=*) export "${word##*,}" ;;
esac; done
echo "$@" >> "$SBATCH_LOG"
for i in $(seq "${range%-*}" "${range#*-}"); do
  SLURM_ARRAY_TASK_ID=$i SLURM_JOB_ID=7 bash "${!#}" >> "$SBATCH_LOG.out" 2>&1
done
wc -l < "$SBATCH_LOG"
"""


@pytest.fixture
def tasks(tmp_path):
    jobs = make_jobs(STYLES, ["a hat", "a beard"], seeds("1-40"), Weights())
    return plan_tasks(jobs, Results(places_in(tmp_path)))


def job(*words: str) -> Submission:
    return Submission("my sheet", "/opt/my python/bin/python", "/srv/the pack", words or ("s.jsonl",), 1, 45)


@pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs bash")
def test_slurms_script_does_every_task(tmp_path):
    sheet = selftest_sheet(tmp_path, 5)
    emitted = farm("emit", "slurm", sheet, "--output", tmp_path / "output", "--gpus", 0)
    script = Path(emitted.stdout.split("\n")[0])
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "sbatch").write_text(SBATCH)
    (bin_ / "sbatch").chmod(0o755)
    more = {"PATH": f"{bin_}:{os.environ['PATH']}", "SBATCH_LOG": str(tmp_path / "log")}
    ran = subprocess.run(
        ["bash", script], env=environment(**more), capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert len(contents(tmp_path / "output")) == 5
    assert farm("watch", sheet, "--output", tmp_path / "output", "--once").returncode == 0


@pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs bash")
def test_slurms_stages_wait_for_the_ones_before(tmp_path, tasks, monkeypatch):
    """Arrays of at most two elements; each waits for all arrays of the stage before."""
    monkeypatch.setattr("itportrait_core.farm.emit.LARGEST_ARRAY", 2)
    (script,) = emit("slurm", tasks, job(), tmp_path / "my sheet")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "sbatch").write_text('#!/bin/bash\necho "$@" >> "$SBATCH_LOG"\nwc -l < "$SBATCH_LOG"\n')
    (bin_ / "sbatch").chmod(0o755)
    more = {"PATH": f"{bin_}:{os.environ['PATH']}", "SBATCH_LOG": str(tmp_path / "log")}
    subprocess.run(["bash", script], env=environment(**more), check=True, timeout=60)
    lines = (tmp_path / "log").read_text().splitlines()
    firsts = [int(line.partition("FARM_FIRST=")[2].split()[0]) for line in lines]
    assert firsts == [0, 2, 3, 5, 7, *range(9, 21, 2)]
    waits = [line.partition("--dependency=")[2].split(" ")[0] for line in lines]
    assert waits[:6] == ["", "", "afterany:1:2", "afterany:1:2", "afterany:1:2", "afterany:3:4:5"]


def pairs(path: Path) -> dict[str, str]:
    """Deadline's KEY=VALUE lines."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_deadlines_files_hold_every_task(tmp_path, tasks):
    files = {
        file.name.removeprefix("my sheet"): file
        for file in emit("deadline", tasks, job(), tmp_path / "my sheet")
    }
    frames = []
    for kind in ("invert", "train", "render"):
        info, plugin = pairs(files[f".deadline.{kind}.job"]), pairs(files[f".deadline.{kind}.plugin"])
        assert (
            info["Plugin"] == "CommandLine" and info["ChunkSize"] == "1" and info["BatchName"] == "my sheet"
        )
        assert (
            plugin["Executable"] == "/opt/my python/bin/python"
            and plugin["StartupDirectory"] == "/srv/the pack"
        )
        assert plugin["Arguments"] == "-m itportrait_core farm run s.jsonl --index <STARTFRAME>"
        first, last = info["Frames"].split("-")
        frames += range(int(first), int(last) + 1)
    assert frames == list(range(len(tasks)))


@pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs bash")
def test_deadlines_script_chains_the_stages(tmp_path, tasks):
    files = emit("deadline", tasks, job(), tmp_path / "my sheet")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    stand_in = '#!/bin/bash\ncat "$1" >> "$LOG"\necho "JobID=id-$(grep ^Name "$1" | tr -d " ")"\n'
    (bin_ / "deadlinecommand").write_text(stand_in)
    (bin_ / "deadlinecommand").chmod(0o755)
    more = {"PATH": f"{bin_}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    script = next(file for file in files if file.suffix == ".sh")
    subprocess.run(["bash", script], env=environment(**more), check=True, timeout=60)
    waits = [
        line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("JobDependencies")
    ]
    assert waits == ["JobDependencies=id-Name=mysheetinvert", "JobDependencies=id-Name=mysheettrain"]


def test_afanasys_job_holds_every_task(tmp_path, tasks):
    (file,) = emit("afanasy", tasks, job(), tmp_path / "my sheet")
    blocks = json.loads(file.read_text())["job"]["blocks"]
    assert [block["name"] for block in blocks] == ["invert", "train", "render"]
    assert [block.get("depend_mask") for block in blocks] == [None, "invert", "train"]
    frames = [n for block in blocks for n in range(block["frame_first"], block["frame_last"] + 1)]
    assert frames == list(range(len(tasks)))
    told = "'/opt/my python/bin/python' -m itportrait_core farm run s.jsonl --index @#@"
    assert all(block["command"] == told and block["frames_per_task"] == 1 for block in blocks)


def test_every_index_is_a_task_with_its_parents(tmp_path):
    sheet = selftest_sheet(tmp_path, 3)
    for index in range(3):
        assert farm("run", sheet, "--output", tmp_path / "o", "--index", index).returncode == 0
        assert len(contents(tmp_path / "o")) == index + 1
    ran = farm("run", sheet, "--output", tmp_path / "o", "--index", 3)
    assert ran.returncode == 1 and "tasks 0 to 2" in ran.stderr


def test_stages_follow_each_other_without_a_gap(tasks):
    assert (
        stages(tasks) == [("invert", 0, 2), ("train", 3, 8), ("render", 9, 20)] and len(staged(tasks)) == 21
    )


def test_names_cannot_add_lines_to_a_script(tmp_path, tasks):
    with pytest.raises(ITPortraitError, match="line break"):
        emit("deadline", tasks, job("s.jsonl\nPlugin=Evil"), tmp_path / "s")


@pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs bash")
def test_names_cannot_add_commands_to_a_script(tmp_path):
    home = tmp_path / "$(touch evil); 'x"
    home.mkdir()
    sheet = selftest_sheet(home, 1)
    script = Path(farm("emit", "slurm", sheet, "--output", home / "o").stdout.split("\n")[0])
    more = {"SLURM_ARRAY_TASK_ID": "0", "FARM_FIRST": "0"}
    ran = subprocess.run(
        ["bash", script], env=environment(**more), cwd=tmp_path, capture_output=True, timeout=60
    )
    assert ran.returncode == 0 and len(contents(home / "o")) == 1
    assert not (tmp_path / "evil").exists() and sys.executable in script.read_text()
