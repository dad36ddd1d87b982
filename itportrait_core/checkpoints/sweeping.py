"""Drafts of killed processes: removed when they are a day old and no living process holds them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from .atomic import DRAFT, fcntl

STALE_SECONDS = 24 * 3600.0
"""Age at which a draft that nobody holds is taken for one of a killed process."""
_EARLIER = re.compile(r"\.[0-9a-f]{32}\.\w+|\..+\.[0-9a-f]{32}\.part|\..+\.(png|glb|ply)\.part")
"""Names that drafts had in version 0.1.0."""


def sweep(folder: Path, age: float = STALE_SECONDS) -> int:
    """Remove drafts below a folder that are `age` seconds old and that nobody holds; returns how many.

    Never raises for one of them.
    """
    removed = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(DRAFT) or _EARLIER.fullmatch(name):
                removed += _removed(Path(parent, name), age)
    return removed


def _removed(draft: Path, age: float) -> bool:
    try:
        if time.time() - draft.lstat().st_mtime < age:
            return False
        if fcntl is not None and os.path.isfile(draft):
            handle = os.open(draft, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(handle)
        draft.unlink()
    except OSError:
        return False
    return True
