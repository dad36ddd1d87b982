"""A sheet for the queue that a studio has: scripts for Slurm, Deadline and Afanasy.

They call `farm run --index N`. All tasks of a sheet are counted, inversions first, then trainings, then
pictures. Each stage is one array that waits for the one before. A task whose parent is not there, because a
node was lost, makes the parent itself.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..checkpoints.atomic import replacing
from ..errors import ITPortraitError
from .tasks import Task, staged

QUEUES = ("slurm", "deadline", "afanasy")
LARGEST_ARRAY = 1000
"""Elements of a Slurm array: its own limit is 1001 unless the site raised it."""


@dataclass(frozen=True)
class Submission:
    """What a script needs to know.

    Attributes:
        name: of the job.
        python: the interpreter on the nodes.
        root: folder that holds `itportrait_core` there.
        arguments: of `farm run`, without the index.
        gpus: for each task.
        minutes: that a task may take.
    """

    name: str
    python: str
    root: str
    arguments: tuple[str, ...]
    gpus: int = 1
    minutes: int = 60

    def words(self, index: str) -> list[str]:
        """The command of the task `index`, which is the queue's own word for it."""
        return [self.python, "-m", "itportrait_core", "farm", "run", *self.arguments, "--index", index]


def stages(tasks: Sequence[Task]) -> list[tuple[str, int, int]]:
    """Stage, first and last index, in order."""
    numbered = enumerate(staged(tasks))
    out = []
    for kind, members in groupby(numbered, key=lambda one: one[1].kind):
        indexes = [index for index, _ in members]
        out.append((kind, indexes[0], indexes[-1]))
    return out


def emit(queue: str, tasks: Sequence[Task], job: Submission, out: Path) -> list[Path]:
    """Write what a queue wants beside `out`; returns the files.

    Raises:
        ITPortraitError: for an unknown queue, or a name that its format cannot hold.
    """
    if queue not in QUEUES:
        raise ITPortraitError(f"There is no queue {queue!r}; choose one of {', '.join(QUEUES)}.")
    if any(ord(letter) < 32 for word in (job.name, job.python, job.root, *job.arguments) for letter in word):
        raise ITPortraitError("A path holds a line break or another control character; rename it.")
    texts = {"slurm": _slurm, "deadline": _deadline, "afanasy": _afanasy}[queue](stages(tasks), job)
    files = []
    for ending, text in texts.items():
        file = out.with_name(f"{out.name}{ending}")
        with replacing(file) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
        files.append(file)
    return files


def _slurm(parts: Sequence[tuple[str, int, int]], job: Submission) -> dict[str, str]:
    """One script: run by hand it submits itself, an array for each stage; run by Slurm it does one task."""
    submits = []
    for number, (kind, first, last) in enumerate(parts):
        wait = '${before:+--dependency="afterany:$before"} ' if number else ""
        submits.append(f"submitted=  # {kind}")
        for start in range(first, last + 1, LARGEST_ARRAY):
            count = min(LARGEST_ARRAY, last + 1 - start)
            array = f'--array=0-{count - 1} --export="ALL,FARM_FIRST={start}"'
            submits.append(f'id="$(sbatch --parsable {wait}{array} "$0")"')
            submits.append('submitted="${submitted:+$submitted:}${id%%;*}"')
        submits.append("before=$submitted")
    gpus = f"#SBATCH --gpus-per-task={job.gpus}\n" if job.gpus else ""
    body = " ".join(shlex.quote(word) for word in job.words("INDEX")).replace("INDEX", '"$index"')
    return {
        ".slurm.sh": (
            "#!/bin/bash\n"
            f"#SBATCH --job-name={shlex.quote(job.name)}\n#SBATCH --ntasks=1\n{gpus}"
            f"#SBATCH --time={job.minutes}\n#SBATCH --requeue\n#SBATCH --output=%x-%A_%a.log\n"
            "# `bash FILE` submits every stage; Slurm runs one task of it.\nset -eu\nbefore=\n"
            'if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then\n'
            + "\n".join(submits)
            + "\nexit 0\nfi\n"
            + "index=$((FARM_FIRST + SLURM_ARRAY_TASK_ID))\n"
            + f"cd {shlex.quote(job.root)}\nexec {body}\n"
        )
    }


def _deadline(parts: Sequence[tuple[str, int, int]], job: Submission) -> dict[str, str]:
    """Job and plugin files for the plugin CommandLine, a pair for each stage, and a script that submits."""
    texts, lines, previous = {}, ["#!/bin/bash", "set -eu"], ""
    lines += ['here="$(cd "$(dirname "$0")" && pwd)"', 'scratch="$(mktemp -d)"']
    for kind, first, last in parts:
        info = {
            "Plugin": "CommandLine", "Name": f"{job.name} {kind}", "BatchName": job.name,
            "Frames": f"{first}-{last}", "ChunkSize": "1", "TaskTimeoutMinutes": str(job.minutes),
            "OverrideJobFailureDetection": "true", "FailureDetectionJobErrors": "0",
            "ResumeOnFailedDependencies": "true", "ResumeOnCompleteDependencies": "true",
        }  # fmt: skip
        words = job.words("<STARTFRAME>")
        plugin = {
            "Executable": words[0],
            "Arguments": " ".join(_windows_word(word) for word in words[1:]),
            "StartupDirectory": job.root,
            "Shell": "default",
            "ShellExecute": "false",
        }
        texts[f".{kind}.job"] = _pairs(info)
        texts[f".{kind}.plugin"] = _pairs(plugin)
        stem = f'"$here"/{shlex.quote(f"{job.name}.deadline.{kind}")}'
        lines.append(f'cp {stem}.job "$scratch/{kind}.job"')
        if previous:
            lines.append(f'echo "JobDependencies=${previous}" >> "$scratch/{kind}.job"')
        lines.append(f'{kind}="$(deadlinecommand "$scratch/{kind}.job" {stem}.plugin | sed -n s/^JobID=//p)"')
        previous = kind
    named = {f".deadline{ending}": text for ending, text in texts.items()}
    return {**named, ".deadline.sh": "\n".join(lines) + "\n"}


def _afanasy(parts: Sequence[tuple[str, int, int]], job: Submission) -> dict[str, str]:
    """One JSON job for `afcmd json send FILE`, a numeric block for each stage."""
    blocks, previous = [], ""
    for kind, first, last in parts:
        words = [shlex.quote(word) for word in job.words("INDEX")]
        block = {
            "name": kind, "service": "generic", "parser": "none", "tasks_name": f"{kind} @#@",
            "frame_first": first, "frame_last": last, "frames_per_task": 1, "frames_inc": 1,
            "command": " ".join(words).replace("INDEX", "@#@"), "working_directory": job.root,
            "errors_retries": 3, "errors_avoid_host": 1, "task_max_run_time": job.minutes * 60,
        }  # fmt: skip
        if previous:
            block["depend_mask"] = previous
        blocks.append(block)
        previous = kind
    return {".afanasy.json": json.dumps({"job": {"name": job.name, "blocks": blocks}}, indent=1) + "\n"}


def _pairs(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _windows_word(word: str) -> str:
    """A word as Deadline's command lines take it on every system."""
    return f'"{word}"' if " " in word or not word else word
