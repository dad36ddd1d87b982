"""Drafts of killed processes: removed when they are a day old and no living process holds them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from .atomic import DRAFT, fcntl
from .listing import files_below

STALE_SECONDS = 24 * 3600.0
"""Age at which a draft that nobody holds is taken for one of a killed process."""
_EARLIER = re.compile(r"\.[0-9a-f]{32}\.\w+|\..+\.[0-9a-f]{32}\.part|\..+\.(png|glb|ply)\.part")
"""Names that drafts had in version 0.1.0."""


def sweep(folder: Path, age: float = STALE_SECONDS, *, earlier: bool = False) -> int:
    """Remove drafts below a folder that are `age` seconds old and that nobody holds; returns how many.

    Never raises for one of them.

    Args:
        folder: links to folders in it are followed.
        age: seconds.
        earlier: also what looks like a draft of version 0.1.0; only where nobody else writes.
    """
    drafts = [
        path
        for path in files_below(folder)
        if path.name.endswith(DRAFT) or (earlier and _EARLIER.fullmatch(path.name))
    ]
    return sum(_removed(path, age) for path in drafts)


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
