"""`python -m itportrait_core farm plan | run | watch | emit | sheet | pack`."""

from __future__ import annotations

import argparse

from . import command_make as make
from . import command_run as work
from . import command_see as see

EPILOG = (
    "The exit status is 0 when every task is done, 1 for a wrong sheet, 2 for a wrong argument, 3 when some "
    "tasks failed and were parked, 4 when no machine could write any more, 5 (watch --once, sheet, pack) "
    "when something is not made yet, and 130 after Ctrl+C."
)
COMMANDS = {
    "plan": ("make a job sheet of folders, or look at one", make.add_plan, make.plan),
    "run": ("work on a sheet", work.add_run, work.run),
    "emit": ("write scripts for Slurm, Deadline or Afanasy", make.add_emit, make.emit_scripts),
    "watch": ("show how far a sheet is", see.add_watch, see.watch),
    "sheet": ("lay the pictures out: style x person x view", see.add_sheet, see.contact_sheet),
    "pack": ("put results and recipe cards into one zip", see.add_pack, see.pack_results),
}
"""Command -> what it does, its arguments, and the function that does it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the sub-command."""
    parser.epilog = EPILOG
    parts = parser.add_subparsers(dest="farm", required=True, metavar="WHAT")
    for name, (about, add, _) in COMMANDS.items():
        add(parts.add_parser(name, help=about, description=about.capitalize() + "."))


def run(arguments: argparse.Namespace) -> int | None:
    """Do what was asked; returns the exit status."""
    return COMMANDS[arguments.farm][2](arguments)
