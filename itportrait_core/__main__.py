"""Command line of the core: `python -m itportrait_core COMMAND ...`, or anywhere `python FOLDER COMMAND ...`.

FOLDER is that of this file. The second form is for a Python that looks nowhere else for modules, as the one
of ComfyUI's portable edition.
"""

from __future__ import annotations

import argparse
import importlib
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if not __package__:  # a folder was run: its parent is where the package is found, not the folder itself
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module(Path(__file__).resolve().parent.name, run_name="__main__", alter_sys=True)
    raise SystemExit  # not reached: the module ends by itself

from .errors import ITPortraitError

COMMANDS: dict[str, tuple[str, str]] = {
    "import": (".checkpoints.command", "turn an official checkpoint into a safetensors file of this project"),
    "verify": (".recipes.command", "draw a file again from the recipe it carries, and compare"),
    "farm": (".farm.command", "many styles for many people: job sheets, engines, queues"),
    "train": (".pocket.training.command", "train one network of the pocket family"),
    "evaluate": (".pocket.training.evaluation", "measure one network of the pocket family for its card"),
}
"""Name -> its module and what it does. The module has `add_arguments(parser)` and `run(arguments)`, which may
return an exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m itportrait_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((word for word in argv or sys.argv[1:] if word in COMMANDS), None)
    run: Callable[[argparse.Namespace], int | None] | None = None
    for name, (home, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name == wanted:  # the others' modules may be slow to import
            try:
                module = importlib.import_module(home, __package__)
            except ModuleNotFoundError as error:
                if "training" not in home:
                    raise
                parser.error(
                    f"{name} belongs to the training tools, which only the repository holds ({error.name})"
                )
            module.add_arguments(command)
            run = module.run
    arguments = parser.parse_args(argv)
    try:
        return 2 if run is None else run(arguments) or 0  # argparse has refused an unknown command
    except ITPortraitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
