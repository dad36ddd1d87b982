"""The results of a sheet in one zip: style files, recipe cards and pictures, under readable names."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.atomic import replacing
from .files import header_of, is_whole
from .job import Job
from .results import NotMadeYet, Results

CARD = "itportrait_recipe"
"""Name of the note that holds a recipe card."""
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every entry, so that equal results give equal bytes."""


def pack(
    jobs: Sequence[Job], results: Results, sheet: Path, out: Path, *, pictures: bool
) -> tuple[Path, int]:
    """Write the zip; returns it and how many results were missing.

    Args:
        jobs: of the sheet.
        results: where they lie.
        sheet: goes in as `sheet.jsonl`.
        out: the zip.
        pictures: take the pictures along.

    Raises:
        ITPortraitError: when it cannot be written.
    """
    wanted, missing = _wanted(jobs, results, pictures)
    with replacing(out) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        _add(archive, "sheet.jsonl", sheet)
        for name, file in wanted.items():
            _add(archive, name, file)
            if file.suffix == ".safetensors":
                card = header_of(file).metadata.get(CARD, json.dumps({"file": file.name}))
                archive.writestr(zipfile.ZipInfo(f"{name}.recipe.json", DATE), card)
    return out, missing


def _wanted(jobs: Sequence[Job], results: Results, pictures: bool) -> tuple[dict[str, Path], int]:
    """Name in the zip -> file, and how many files are not there."""
    wanted: dict[str, Path] = {}
    folders: dict[str, str] = {}
    missing = 0
    for job in jobs:
        if job.method == "selftest":
            files = {f"selftest/{job.person.seed}.safetensors": results.selftest(job)}
        else:
            label = _plain(job.look.replace(", ", " "))
            folder = folders.setdefault(results.look_key(job), f"{len(folders) + 1:03} {label}")
            try:
                files = _files(job, results, folder, pictures)
            except NotMadeYet:
                files, missing = {}, missing + 1
        for name, file in files.items():
            if is_whole(file):
                wanted[name] = file
            else:
                missing += 1
    return wanted, missing


def _files(job: Job, results: Results, folder: str, pictures: bool) -> dict[str, Path]:
    files = {}
    for file in results.trained(job):
        part = file.stem.rpartition("-")[2] if file.stem.endswith(("-target", "-style")) else "style"
        files[f"{folder}/{part}.safetensors"] = file
    for view, file in enumerate(results.pictures(job) if pictures else []):
        files[f"{folder}/{_plain(job.person.label)} {_person(job)} {view}.png"] = file
    return files


def _person(job: Job) -> str:
    """Tells two people of one name apart."""
    return job.person.sha256[:6] or str(job.person.truncation)


def _plain(text: str) -> str:
    """A label as a file name on every system."""
    return re.sub(r"[^\w .-]+", "_", text).strip(" .")[:60] or "_"


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    with (
        archive.open(zipfile.ZipInfo(name, DATE), "w", force_zip64=True) as target,
        file.open("rb") as source,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
