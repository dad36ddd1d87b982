"""The commands that make files and run nothing: `farm plan` and `farm emit`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import ITPortraitError
from . import making
from .emit import LARGEST_ARRAY, QUEUES, Submission, emit, stages
from .estimate import Estimate, estimate, in_words
from .job import Weights
from .opened import Opened, add_folders, add_places, opened, places_of
from .places import EMBEDDED, Places
from .sheet import read_sheet, write_sheet
from .tasks import STAGES


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm plan`."""
    parser.add_argument("sheet", nargs="?", type=Path, metavar="SHEET", help="look at this sheet, make none")
    parser.add_argument("--out", type=Path, metavar="SHEET", help="write the new sheet here")
    parser.add_argument("--styles", type=Path, metavar="DIR", help="style pictures, or their portraits")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="a text in each line")
    parser.add_argument("--people", type=Path, metavar="DIR", help="pictures or portraits of people")
    parser.add_argument("--seeds", default="", metavar="N,N-M", help="people made up from these seeds")
    parser.add_argument("--base", default=EMBEDDED, metavar="FILE", help="generator in --models (embedded)")
    parser.add_argument(
        "--clip", action="append", default=[], metavar="FILE", help="CLIP in --models (embedded)"
    )
    parser.add_argument("--prior", action="append", default=[], metavar="ROLE=FILE",
                        help="generator, encoder, pose or identity of the photo twin (embedded)")  # fmt: skip
    parser.add_argument("--changes", type=Path, metavar="JSON", help='settings as {"ite": {"steps": 200}}')
    parser.add_argument("--preset", default="", metavar="NAME", help="paper, released or recommended")
    parser.add_argument("--views", default="", metavar="DEG", help='yaw[:pitch] of each view, "0 35 -35"')
    parser.add_argument("--selftest", type=int, default=0, metavar="N", help="jobs that test the farm itself")
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="of a self-test (100)")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="that a self-test takes (1)")
    parser.add_argument(
        "--gpus", type=int, default=0, metavar="N", help="estimate for so many GPUs, not cores"
    )
    parser.add_argument("--cores", type=int, default=1, metavar="N", help="estimate for so many cores (1)")
    add_folders(parser)


def plan(arguments: argparse.Namespace) -> None:
    """Make a sheet, or look at one, and say what it costs.

    Raises:
        ITPortraitError: for bad input; then no sheet is written.
    """
    if (arguments.sheet is None) == (arguments.out is None):
        raise ITPortraitError("Give a SHEET to look at, or --out to make one.")
    if arguments.out is not None:
        _write(arguments)
        arguments.sheet = arguments.out
    sheet = opened(arguments)
    sys.stdout.write(_in_words(sheet, estimate(sheet.tasks, sheet.results, arguments.gpus > 0), arguments))


def _write(arguments: argparse.Namespace) -> None:
    places = places_of(arguments, arguments.out)
    if arguments.selftest:
        jobs = making.selftests(arguments.selftest, arguments.rounds, arguments.seconds)
    else:
        both = (*making.PICTURES, *making.PORTRAITS)
        people = making.seeds(arguments.seeds) if arguments.seeds else []
        people += making.sources(arguments.people, places, both) if arguments.people else []
        if not people:
            raise ITPortraitError("There is nobody to draw; name --people, --seeds, or both.")
        jobs = making.make_jobs(
            making.sources(arguments.styles, places, both) if arguments.styles else [],
            making.read_texts(arguments.texts) if arguments.texts else [],
            people,
            making.weights(arguments.base, places, "generator"),
            {
                "changes": making.read_changes(arguments.changes),
                "preset": arguments.preset,
                "views": making.views(arguments.views),
                "clips": tuple(making.weights(name, places, "clip_guide") for name in arguments.clip),
                "prior": dict(_role(word, places) for word in arguments.prior),
            },
        )
    write_sheet(arguments.out, jobs)
    try:
        read_sheet(arguments.out)
    except ITPortraitError:
        arguments.out.unlink(missing_ok=True)
        raise


def _role(word: str, places: Places) -> tuple[str, Weights]:
    role, _, name = word.partition("=")
    return role, making.weights(name, places, role)


def _in_words(sheet: Opened, cost: Estimate, arguments: argparse.Namespace) -> str:
    numbers = {kind: (first, last) for kind, first, last in stages(sheet.tasks)}
    lines = [f"{sheet.path}: {len(sheet.jobs)} jobs, {cost.tasks['train']} distinct trainings"]
    for kind in STAGES:
        if kind in numbers:
            first, last = numbers[kind]
            lines.append(
                f"  {kind:9}{cost.tasks[kind]:7} tasks, index {first} to {last}, {cost.left[kind]} left"
            )
    workers = max(arguments.gpus, arguments.cores if not arguments.gpus else 0, 1)
    unit = "GPUs" if arguments.gpus else "cores"
    source = "this farm's own times" if cost.measured else "published step times"
    lines.append(
        f"  time     about {in_words(cost.seconds / workers)} on {workers} {unit}, {in_words(cost.seconds)} "
        f"of one, by {source}"
    )
    lines.append(f"  disk     about {cost.size / 2**20:.0f} MiB below {sheet.results.places.runs}")
    once = sum(len(task.jobs) for task in sheet.tasks if task.kind in ("render", "selftest"))
    if once < len(sheet.jobs):
        lines.append(f"  {len(sheet.jobs) - once} lines stand in the sheet more than once")
    return "\n".join(lines) + "\n"


def add_emit(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm emit`."""
    parser.add_argument("queue", choices=QUEUES, help="whose scripts")
    add_places(parser)
    parser.add_argument(
        "--out", type=Path, metavar="NAME", help="first part of the files' names; the sheet's"
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter on the nodes (this one)")
    parser.add_argument("--root", default=str(Path(__file__).resolve().parents[2]),
                        help="folder of the pack on the nodes (this one)")  # fmt: skip
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="for each task (1)")
    parser.add_argument("--minutes", type=int, default=60, metavar="N", help="that a task may take (60)")


def emit_scripts(arguments: argparse.Namespace) -> None:
    """Write the scripts of a queue."""
    sheet = opened(arguments)
    out = arguments.out or arguments.sheet.with_suffix("")
    job = Submission(
        out.name, arguments.python, arguments.root, sheet.words, arguments.gpus, arguments.minutes
    )
    files = emit(arguments.queue, sheet.tasks, job, out)
    print("\n".join(str(file) for file in files))
    if len(sheet.tasks) > LARGEST_ARRAY and arguments.queue == "slurm":
        print(f"arrays of {LARGEST_ARRAY}: Slurm's own limit is 1001 unless the site raised it")
