"""Find the weights that a card speaks of, among files that the reader of the card has; never by its paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints import embedded
from ..checkpoints.format import read_header
from ..checkpoints.listing import files_below
from ..errors import ITPortraitError
from ..networks import families
from .card import describe_weights

FOLDERS = ("models/itportrait", "output/itportrait", "itportrait")
"""Where a ComfyUI keeps generators, seen from its folder."""
LEVELS = 6
"""Folders above the file in which a ComfyUI is looked for."""


@dataclass(frozen=True)
class Found:
    """Outcome of a search.

    Attributes:
        path: the file that holds the very weights, or None.
        others: files of the same name, or the embedded generator, that hold other weights.
        searched: how many generators were looked at.
    """

    path: Path | None
    others: tuple[Path, ...]
    searched: int


def find_weights(wanted: dict[str, Any], file: Path, places: Iterable[Path]) -> Found:
    """The generator whose weights have the card's hash.

    Args:
        wanted: `weights` of a card.
        file: the file with the card; a ComfyUI around it is searched.
        places: more files and folders to search.
    """
    name = wanted.get("file")
    searched, others = 0, []
    for path in sorted(set(_candidates(file, places)), key=lambda path: (path.name != name, str(path))):
        try:
            family = read_header(path).family
            if family not in families.NAMES:
                continue
            searched += 1
            if describe_weights(path)["content"] == wanted.get("content"):
                return Found(path, (), searched)
        except (ITPortraitError, OSError):
            continue  # a damaged or foreign file is not the one
        if path.name == name:
            others.append(path)
    return Found(None, tuple(others), searched)


def _candidates(file: Path, places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        yield from (_below(place) if os.path.isdir(place) else [place])
    yield embedded.path("generator")
    for above in list(file.resolve().parents)[:LEVELS]:
        for folder in FOLDERS:
            yield from _below(above / folder)


def _below(folder: Path) -> Iterator[Path]:
    """Every safetensors file below a folder; what cannot be read, or vanishes meanwhile, is passed over."""
    yield from (path for path in files_below(folder) if path.name.endswith(".safetensors"))
