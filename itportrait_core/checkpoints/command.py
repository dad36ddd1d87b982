"""`python -m itportrait_core import SRC DST`."""

from __future__ import annotations

import argparse
import sys

from .format import read_header
from .official import KNOWN, import_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the sub-command."""
    parser.epilog = f"Known sources: {KNOWN}. Nothing inside the source is executed."
    parser.add_argument("src", help="the official checkpoint")
    parser.add_argument("dst", help="the new .safetensors file, or a folder such as models/itportrait")
    parser.add_argument(
        "--discriminator", action="store_true", help="also take the discriminator of a pickle"
    )


def run(arguments: argparse.Namespace) -> None:
    """Import one file and say what came out."""
    paths = import_checkpoint(
        arguments.src, arguments.dst, discriminator=arguments.discriminator, on_progress=_show
    )
    print(file=sys.stderr)
    for path in paths:
        header = read_header(path)
        print(f"{path}: {header.family}\n  licence: {header.license}")


def _show(done: int, total: int) -> None:
    print(f"\r{100 * done // max(total, 1)} % of {total >> 20} MiB", end="", file=sys.stderr, flush=True)
