"""A sheet as the commands use it: its jobs, its tasks and its folders."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ITPortraitError
from .job import Job
from .places import Places
from .results import Results
from .sheet import read_sheet
from .tasks import Task, plan_tasks, staged


@dataclass
class Opened:
    """A sheet that has been read and checked as a whole."""

    path: Path
    jobs: list[Job]
    tasks: list[Task]
    results: Results

    @property
    def words(self) -> tuple[str, ...]:
        """The sheet and its folders as arguments of another command."""
        places = self.results.places
        models = ("--models", str(places.models)) if places.models else ()
        sheet, output = os.path.abspath(self.path), str(places.output)
        return (sheet, "--input", str(places.input), "--output", output, *models)

    def with_parents(self, index: int) -> list[Task]:
        """Task `index` of `staged`, and what it needs, parents first.

        Raises:
            ITPortraitError: where there is no such task.
        """
        if not 0 <= index < len(self.tasks):
            raise ITPortraitError(
                f"There is no task {index}; the sheet has tasks 0 to {len(self.tasks) - 1}."
            )
        wanted = {staged(self.tasks)[index].key}
        for task in reversed(self.tasks):
            if task.key in wanted:
                wanted.update(task.needs)
        return [task for task in self.tasks if task.key in wanted]


def places_of(arguments: argparse.Namespace, sheet: Path) -> Places:
    """The folders of a command."""
    source = arguments.input or Path(os.path.abspath(sheet)).parent
    for name, folder in (("--input", source), ("--models", arguments.models)):
        if folder is not None and not folder.is_dir():
            raise ITPortraitError(f"There is no folder {folder}; check {name}.")
    models = arguments.models and Path(os.path.abspath(arguments.models))
    return Places(Path(os.path.abspath(source)), models, Path(os.path.abspath(arguments.output)))


def opened(arguments: argparse.Namespace) -> Opened:
    """Read and check the sheet of a command, and plan its tasks.

    Raises:
        ITPortraitError: for anything wrong in it; then nothing has been run.
    """
    jobs = read_sheet(arguments.sheet)
    results = Results(places_of(arguments, arguments.sheet))
    return Opened(arguments.sheet, jobs, plan_tasks(jobs, results), results)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Arguments for the sheet and the folders."""
    parser.add_argument("sheet", type=Path, metavar="SHEET", help="job sheet, JSON lines")
    add_folders(parser)


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Arguments for the folders that pictures, weights and results lie in."""
    parser.add_argument(
        "--input", type=Path, metavar="DIR", help="folder that the sheet names pictures in; the sheet's own"
    )
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder that the sheet names weights in")
    parser.add_argument(
        "--output", type=Path, default=Path("output"), metavar="DIR",
        help="ComfyUI's output folder, or any other that all machines share (output)",
    )  # fmt: skip
