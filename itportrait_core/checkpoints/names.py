"""Names of files that every system can hold and that lead nowhere else, typed or from a sheet."""

from __future__ import annotations

import re

from ..errors import ITPortraitError

LONGEST_PART = 180
"""Bytes of a file or folder name: file systems take 255, and a number and an ending are added."""
LONGEST_NAME = 1000
"""Bytes of a whole name with its sub-folders."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that mean devices under Windows."""
_PLAIN = re.compile(r"[^\x00-\x1f\x7f<>:\"|?*]+")


def safe_name(name: object) -> str:
    """The name itself when it is a plain relative path.

    Raises:
        ITPortraitError: for an empty, absolute or over-long name, a drive, `..`, or characters that some
            systems refuse.
    """
    if not isinstance(name, str) or not is_text(name):
        raise ITPortraitError(f"{name!r:.80} is no file name: it is no text that a file system can hold.")
    parts = name.replace("\\", "/").split("/")
    if any(part in ("", ".", "..") or not _PLAIN.fullmatch(part) for part in parts):
        raise ITPortraitError(
            f"{name[:80]!r} is no file name. Use letters, digits, '-' and '_', with '/' for a sub-folder."
        )
    if any(
        part.strip() != part or part.endswith(".") or part.split(".")[0].lower() in RESERVED for part in parts
    ):
        raise ITPortraitError(
            f"{name[:80]!r} is no file name everywhere: leave out blanks and dots at the ends, and names of "
            "devices such as 'con'."
        )
    longest = max(len(part.encode()) for part in parts)
    if longest > LONGEST_PART or len(name.encode()) > LONGEST_NAME:
        raise ITPortraitError(
            f"{name[:80]!r} is no file name: it is too long, {longest} bytes in one part, where at most "
            f"{LONGEST_PART} can be written; shorten it."
        )
    return "/".join(parts)


def is_text(name: str) -> bool:
    """Whether a text can be written as UTF-8; lone halves of surrogate pairs cannot."""
    return name.isprintable() or all(not "\ud800" <= letter <= "\udfff" for letter in name)
