"""Sheets of folders: every style picture with every text for every person."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..checkpoints.hashes import file_hash
from ..checkpoints.listing import files_below
from ..errors import ITPortraitError
from . import fields
from .files import read_json
from .job import DEFAULT_VIEWS, MOST_JOBS, NEEDS, Job, Source, Weights
from .places import EMBEDDED, Places

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
PORTRAITS = (".safetensors",)
_SEED = re.compile(r"[0-9]{1,18}")


def make_jobs(
    styles: Sequence[Source | None],
    texts: Sequence[str],
    people: Sequence[Source],
    base: Weights,
    common: Mapping[str, Any] | None = None,
) -> list[Job]:
    """Every style with every text for every person, people innermost.

    Args:
        styles: pictures or portraits; None, or an empty list, for the text alone.
        texts: what the portraits become; "", or an empty list, for the picture alone.
        people: who is drawn.
        base: the generator.
        common: further fields of `Job`.

    Raises:
        ITPortraitError: for more jobs than a sheet holds, or a text that is too long for it.
    """
    count = max(len(styles), 1) * max(len(texts), 1) * len(people)
    if count > MOST_JOBS:
        raise ITPortraitError(
            f"{len(styles)} styles, {len(texts)} texts and {len(people)} people are {count} jobs; a sheet "
            f"holds at most {MOST_JOBS}. Make several sheets."
        )
    for one in texts:
        fields.text(one)
    methods = {needs: method for method, needs in NEEDS.items()}
    return [
        Job(methods[style is not None, bool(text)], base, person, style, text, **(common or {}))
        for style in styles or [None]
        for text in texts or [""]
        for person in people
    ]


def selftests(count: int, rounds: int, seconds: float) -> list[Job]:
    """Jobs that test the farm itself, one for each of the first `count` seeds."""
    return [
        Job("selftest", Weights(), Source("seed", seed=seed), rounds=rounds, seconds=seconds)
        for seed in range(count)
    ]


def sources(folder: Path, places: Places, endings: Iterable[str]) -> list[Source]:
    """The pictures, and portraits where `endings` has theirs, of a folder below the input folder, by name.

    Raises:
        ITPortraitError: where there are none, or the folder lies elsewhere.
    """
    allowed = set(endings)
    files = sorted(file for file in files_below(folder) if file.suffix.lower() in allowed)
    if not files:
        raise ITPortraitError(f"There is none of {', '.join(sorted(allowed))} in {folder}; check the folder.")
    return [_source(file, places) for file in files]


def seeds(text: str) -> list[Source]:
    """People made up from seeds, written as 3,7,10-19.

    Raises:
        ITPortraitError: for anything else, or more than a million.
    """
    out: list[Source] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not _SEED.fullmatch(first) or not _SEED.fullmatch(last or first):
            raise ITPortraitError(f"{part[:40]!r} is no seed; write numbers and ranges, as 3,7,10-19.")
        numbers = range(int(first), int(last or first) + 1)
        if len(numbers) + len(out) > 1_000_000 or int(last or first) >= 2**31:
            raise ITPortraitError(f"{part[:40]!r} are too many people, or too high seeds.")
        out += [Source("seed", seed=number) for number in numbers]
    return out


def read_texts(path: Path) -> list[str]:
    """The lines of a file; empty ones and those that begin with # are left out."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ITPortraitError(f"The texts in {path} cannot be read ({error}).") from error
    return [line for line in lines if line and not line.startswith("#")]


def weights(name: str, places: Places, part: str) -> Weights:
    """A file of weights below the models folder with its hash, or the embedded `part`."""
    return Weights() if name == EMBEDDED else Weights(name, file_hash(places.weights(name, "", part)))


def read_changes(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """Settings by method and field, from a JSON file."""
    if path is None:
        return {}
    changes = read_json(path)
    if changes is None:
        raise ITPortraitError(f'{path} holds no JSON object; write for instance {{"ite": {{"steps": 200}}}}.')
    return changes


def views(text: str) -> tuple[tuple[float, float], ...]:
    """Degrees as yaw[:pitch], one after another: "0 35 -35 0:20".

    Raises:
        ITPortraitError: for what is no number, out of range, or more views than a job has.
    """
    if not text.strip():
        return DEFAULT_VIEWS
    out: list[list[float]] = []
    for part in text.split():
        yaw, _, pitch = part.partition(":")
        try:
            out.append([float(yaw), float(pitch or 0.0)])
        except ValueError as error:
            raise ITPortraitError(f"{part[:40]!r} is no view; write yaw or yaw:pitch in degrees.") from error
    return fields.views(out)


def _source(file: Path, places: Places) -> Source:
    root, path = (Path(os.path.abspath(one)) for one in (places.input, file))  # links in it are the owner's
    if not path.is_relative_to(root):
        raise ITPortraitError(f"{file} does not lie below {root}; name a folder above both with --input.")
    kind = "portrait" if file.suffix.lower() in PORTRAITS else "picture"
    return Source(kind, path.relative_to(root).as_posix(), file_hash(file))
