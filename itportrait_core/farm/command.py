"""`python -m itportrait_core farm plan | run | watch | emit | sheet | pack`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from . import command_make, command_run, command_see

EPILOG = (
    "The exit status is 0 when every task is done, 1 for a wrong sheet or argument, 3 when some tasks failed "
    "and were parked, 4 when no machine could write any more, and 130 after Ctrl+C."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the sub-command."""
    parser.epilog = EPILOG
    parts = parser.add_subparsers(dest="farm", required=True, metavar="WHAT")

    def part(
        name: str, about: str, run: Callable[[argparse.Namespace], int | None]
    ) -> argparse.ArgumentParser:
        added = parts.add_parser(name, help=about, description=about.capitalize() + ".")
        added.set_defaults(farm_run=run)
        return added

    command_make.add_plan(part("plan", "make a job sheet of folders, or look at one", command_make.plan))
    command_run.add_run(part("run", "work on a sheet", command_run.run))
    command_make.add_emit(
        part("emit", "write scripts for Slurm, Deadline or Afanasy", command_make.emit_scripts)
    )
    command_see.add_watch(part("watch", "show how far a sheet is", command_see.watch))
    command_see.add_sheet(
        part("sheet", "lay the pictures out: style x person x view", command_see.contact_sheet)
    )
    command_see.add_pack(part("pack", "put results and recipe cards into one zip", command_see.pack_results))


def run(arguments: argparse.Namespace) -> int | None:
    """Do what was asked; returns the exit status."""
    return arguments.farm_run(arguments)
