"""JSON from files: bounded in size, memory and depth, finite numbers only."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from ..errors import DamagedFile

LONGEST = 12 << 20
"""Characters of one text: the history of the longest run has about half."""
MOST_MEMORY = 256 << 20
"""Bytes that the values of one text may take in memory."""
_COSTS = {"{": 240, "[": 88, ",": 40, ":": 24}
"""Bytes that a sign stands for at most: an object, a list, a value and its place, a name."""
MOST_BITS = 1000
"""Of a whole number: more do not fit a float."""
DEEPEST = 100
"""Levels of nesting: every training on top of another adds two to the lineage of its weights."""


def parse(text: str | bytes, where: str, *, longest: int = LONGEST, finite: bool = True) -> object:
    """The value of a JSON text.

    Args:
        text: what to read.
        where: what it is part of, for messages.
        longest: characters that it may have.
        finite: refuse numbers that are not finite.

    Raises:
        DamagedFile: for what is no JSON, is too long or too deep, or holds a number that is not finite.
    """
    if len(text) > longest:
        raise DamagedFile(f"{where} is damaged: {len(text)} characters of JSON, at most {longest} are read.")
    if isinstance(text, bytes):
        cost = sum(text.count(sign.encode()) * price for sign, price in _COSTS.items())
    else:
        cost = sum(text.count(sign) * price for sign, price in _COSTS.items())
    if cost > MOST_MEMORY:
        raise DamagedFile(f"{where} is damaged: its JSON would take {cost >> 20} MB of memory.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise DamagedFile(f"{where} is damaged ({why}); get or make the file again.") from error
    check_plain(value, where, finite=finite)
    return value


def parse_object(
    text: str | bytes, where: str, *, longest: int = LONGEST, finite: bool = True
) -> dict[str, Any]:
    """As `parse`, for a text that must hold an object."""
    value = parse(text, where, longest=longest, finite=finite)
    if not isinstance(value, dict):
        raise DamagedFile(
            f"{where} is damaged: a {type(value).__name__} in place of an object; get or make it again."
        )
    return value


def read_object(path: Path, *, longest: int = LONGEST, finite: bool = True) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DamagedFile: as `parse`, and for what is no file, such as a pipe, or cannot be read.
    """
    try:
        if not os.path.isfile(path):
            raise DamagedFile(f"There is no file {path}; check the name.")
        with path.open("rb") as file:
            text = file.read(longest + 1)
        if len(text) > longest:
            raise DamagedFile(
                f"{path} is damaged: {os.path.getsize(path)} bytes of JSON, at most {longest} are read."
            )
        return parse_object(text, str(path), longest=longest, finite=finite)
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read ({error.strerror}); check its rights.") from error


def check_plain(value: object, where: str, *, finite: bool = True) -> None:
    """Refuse a JSON value that is nested too deep or holds whole numbers that no float holds or, where
    `finite`, numbers that are not finite.

    Raises:
        DamagedFile: naming the place.
    """
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if finite and isinstance(item, float) and not math.isfinite(item):
                raise DamagedFile(f"{where} is damaged: it holds a number that is not finite.")
            if isinstance(item, int) and item.bit_length() > MOST_BITS:
                raise DamagedFile(f"{where} is damaged: it holds a number of {item.bit_length()} bits.")
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
        level = below
        if not level:
            return
    raise DamagedFile(f"{where} is damaged: it is nested more than {DEEPEST} levels deep.")
