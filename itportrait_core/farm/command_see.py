"""The commands that look at results: `farm watch`, `farm sheet` and `farm pack`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import contact, heads, pack
from .locks import STALE_SECONDS
from .opened import Opened, add_places, opened
from .perform import Bench
from .status import UNFINISHED_EXIT, status_of, table

SIDE = 96
"""Pixels of a picture on a contact sheet."""


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm watch`."""
    add_places(parser)
    parser.add_argument("--once", action="store_true", help="show it once, do not wait")
    parser.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between two looks (5)")
    parser.add_argument("--stale", type=float, default=STALE_SECONDS, metavar="S", help=argparse.SUPPRESS)


def watch(arguments: argparse.Namespace) -> int:
    """Show the table until nothing is left to try; returns `Status.exit_status`."""
    sheet = opened(arguments)
    while True:
        status = status_of(sheet.tasks, sheet.results, arguments.stale)
        if sys.stdout.isatty():
            sys.stdout.write("\x1b[H\x1b[2J")
        print(table(status), flush=True)
        if status.is_over or arguments.once:
            return status.exit_status
        time.sleep(max(arguments.every, 0.5))


def add_sheet(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm sheet`."""
    add_places(parser)
    parser.add_argument("--out", type=Path, metavar="NAME", help="without ending; in the output folder")
    parser.add_argument("--heads", action="store_true", help="also make a live head of each style")
    parser.add_argument("--side", type=int, default=SIDE, metavar="PX", help=f"of a picture ({SIDE})")


def contact_sheet(arguments: argparse.Namespace) -> int:
    """Write NAME.jpg and NAME.html; returns 0 when no picture is missing, 5 otherwise."""
    sheet = opened(arguments)
    out = arguments.out or _beside(sheet, "")
    if arguments.heads:
        heads.make(sheet.jobs, Bench(sheet.results.places))
    grid = contact.grid_of(sheet.jobs, sheet.results)
    page = contact.write_page(grid, out.with_name(f"{out.name}.html"), sheet.path.stem)
    picture = contact.write_picture(grid, out.with_name(f"{out.name}.jpg"), max(arguments.side, 16))
    print(f"{picture}\n{page}\n{grid.missing} pictures are missing")
    return UNFINISHED_EXIT if grid.missing else 0


def add_pack(parser: argparse.ArgumentParser) -> None:
    """Arguments of `farm pack`."""
    add_places(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the zip; in the output folder")
    parser.add_argument("--no-pictures", action="store_true", help="style files and recipe cards alone")


def pack_results(arguments: argparse.Namespace) -> int:
    """Write the zip; returns 0 when nothing is missing, 5 otherwise."""
    sheet = opened(arguments)
    out = arguments.out or _beside(sheet, ".zip")
    file, missing = pack.pack(sheet.jobs, sheet.results, sheet.path, out, pictures=not arguments.no_pictures)
    print(f"{file}\n{missing} results are missing")
    return UNFINISHED_EXIT if missing else 0


def _beside(sheet: Opened, ending: str) -> Path:
    return sheet.results.places.output / "itportrait" / f"{sheet.path.stem}{ending}"
