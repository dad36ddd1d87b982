"""The tasks of a sheet: what many lines share is done once, and what needs what is plain from the method.

picture of a style -> inversion -> training -> pictures of everybody in it
picture of a person -> inversion ------------^
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ITPortraitError
from .job import Job, Source
from .results import ENDING, Results
from .sheet import line_of, parse_line

STAGES = ("invert", "train", "render", "selftest")
GROUP = 32
"""People of a style that are drawn by one task."""


@dataclass(frozen=True)
class Task:
    """One unit of work for one GPU.

    Attributes:
        key: its name in locks, journals and failures; known before anything is made.
        kind: one of `STAGES`.
        jobs: the lines that it serves; of an inversion or a training, the first of them.
        needs: keys of the tasks whose results it reads.
        role: "style" or "person": whose picture an inversion looks at.
    """

    key: str
    kind: str
    jobs: tuple[Job, ...]
    needs: tuple[str, ...] = ()
    role: str = ""

    @property
    def source(self) -> Source:
        """The picture of an inversion."""
        source = self.jobs[0].style if self.role == "style" else self.jobs[0].person
        if source is None:
            raise ITPortraitError(f"The task {self.key} has no picture to invert; plan anew.")
        return source

    @property
    def label(self) -> str:
        """Picture, text and person, for tables and messages."""
        job = self.jobs[0]
        if self.kind == "invert":
            return f"inversion of {self.source.file}"
        if self.kind == "selftest":
            return f"self-test {job.person.seed}"
        if self.kind == "train":
            return f"training {job.look!r}"
        people = job.person.label if len(self.jobs) == 1 else f"{len(self.jobs)} people"
        return f"pictures of {people} in {job.look!r}"

    def to_json(self) -> str:
        """The task as one string, for another process."""
        lines = [line_of(job) for job in self.jobs]
        return json.dumps(
            {"key": self.key, "kind": self.kind, "needs": self.needs, "role": self.role, "jobs": lines}
        )

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The inverse of `to_json`; the jobs are checked as those of a sheet."""
        parts = json.loads(text)
        jobs = tuple(parse_line(line) for line in parts["jobs"])
        return cls(parts["key"], parts["kind"], jobs, tuple(parts["needs"]), parts["role"])


def files_of(task: Task, results: Results) -> list[Path]:
    """The files that a task makes.

    Raises:
        NotMadeYet: while a result that names them is missing.
    """
    job = task.jobs[0]
    if task.kind == "invert":
        return [results.portrait(job, task.source)]
    if task.kind == "selftest":
        return [results.selftest(job)]
    if task.kind == "train":
        return results.trained(job)
    return [file for one in task.jobs for file in results.pictures(one)]


def resume_point(task: Task, results: Results) -> Path:
    """Where a task lays down how far it is."""
    name = files_of(task, results)[0].name.removesuffix(ENDING).removesuffix("-target")
    return results.places.runs / f"{name}.resume"


def plan_tasks(jobs: Sequence[Job], results: Results) -> list[Task]:
    """Every task of a sheet once, parents before children, and what belongs to one style together."""
    tasks: dict[str, Task] = {}
    styles: dict[tuple[str, str], list[Job]] = {}
    for job in {line_of(job): job for job in jobs}.values():
        if job.method == "selftest":
            key = results.selftest(job).stem
            tasks.setdefault(key, Task(key, "selftest", (job,)))
        else:
            styles.setdefault((results.recipe_key(job), results.base_hash(job)), []).append(job)
    for (recipe, _), members in styles.items():
        trained: tuple[str, ...] = ()
        if recipe:
            parents = _inversion(tasks, members[0], "style", results)
            trained = (f"train-{recipe}",)
            tasks.setdefault(trained[0], Task(trained[0], "train", (members[0],), parents))
        for group in _groups(members):
            people = [key for job in group for key in _inversion(tasks, job, "person", results)]
            key = _render_key(recipe, group, results)
            tasks.setdefault(key, Task(key, "render", tuple(group), (*trained, *people)))
    return list(tasks.values())


def staged(tasks: Iterable[Task]) -> list[Task]:
    """The tasks with all inversions first and all pictures last: the order that `--index` counts in."""
    return sorted(tasks, key=lambda task: STAGES.index(task.kind))


def _inversion(tasks: dict[str, Task], job: Job, role: str, results: Results) -> tuple[str, ...]:
    source = job.style if role == "style" else job.person
    if source is None or source.kind != "picture":
        return ()
    key = results.inversion_name(job, source)
    tasks.setdefault(key, Task(key, "invert", (job,), role=role))
    return (key,)


def _groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs of one style: those whose people are at hand in groups, the others one by one."""
    ready = [job for job in jobs if job.person.kind != "picture"]
    groups = [ready[start : start + GROUP] for start in range(0, len(ready), GROUP)]
    return groups + [[job] for job in jobs if job.person.kind == "picture"]


def _render_key(recipe: str, group: Sequence[Job], results: Results) -> str:
    people = [(job.person.file, job.person.sha256, job.person.seed, job.person.truncation) for job in group]
    names = [results.inversion_name(job, job.person) for job in group if job.person.kind == "picture"]
    facts = json.dumps([recipe, results.base_hash(group[0]), people, names, [job.views for job in group]])
    return f"render-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"
