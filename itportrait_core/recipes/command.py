"""`python -m itportrait_core verify FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ITPortraitError
from .verify import verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the sub-command."""
    parser.epilog = (
        "Draws the file again from the recipe it carries and compares. The exit status is 0 when it comes "
        "out the same, or within the tolerance that is stated, and 1 otherwise."
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="PNG, GLB, PLY or safetensors file"
    )
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a generator, or a folder to look for it in; may be given again",
    )


def run(arguments: argparse.Namespace) -> None:
    """Check the files and say what was found.

    Raises:
        ITPortraitError: at the end, unless every file came out the same.
    """
    failed = 0
    for file in arguments.files:
        try:
            verdict = verify(file, arguments.weights)
        except ITPortraitError as error:
            print(f"{file}: not checked\n  {error}")
            failed += 1
            continue
        failed += not verdict.holds
        print("\n  ".join([f"{file}: {verdict.result}", *verdict.facts]))
    if failed:
        raise ITPortraitError(f"{failed} of {len(arguments.files)} files could not be confirmed.")
