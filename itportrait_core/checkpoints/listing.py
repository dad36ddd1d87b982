"""The files below a folder, whatever lies beside them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_FOLDERS = 20_000
"""Folders that are looked into; more are no collection of weights."""


def files_below(folder: Path, passed_over: Callable[[Path, str], None] | None = None) -> Iterator[Path]:
    """Every regular file below a folder, in the order of names; links are followed, each folder is visited
    once.

    Args:
        folder: where to look; nothing is found where there is none.
        passed_over: told of every entry that is left out, and why: dangling links, loops, pipes, folders
            without permission, drives that are gone.
    """
    tell = passed_over or (lambda path, why: None)
    visited: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting and len(visited) < MOST_FOLDERS:
        current = waiting.pop()
        try:
            state = os.stat(current)
            if (state.st_dev, state.st_ino) in visited:
                continue
            visited.add((state.st_dev, state.st_ino))
            names = sorted(os.listdir(current))
        except (OSError, ValueError) as error:
            if current != folder:
                tell(current, _reason(error))
            continue
        below = []
        for name in names:
            path = current / name
            try:
                kind = os.stat(path).st_mode
            except (OSError, ValueError) as error:
                tell(path, _reason(error))
                continue
            if stat.S_ISDIR(kind):
                below.append(path)
            elif stat.S_ISREG(kind):
                yield path
            else:
                tell(path, "it is no regular file")
        waiting += reversed(below)


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror if isinstance(error, OSError) else error)
