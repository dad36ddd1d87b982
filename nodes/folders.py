"""Files: models are read under ComfyUI's model folders, results are written under its output folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import folder_paths

from ..itportrait_core.checkpoints import atomic
from ..itportrait_core.checkpoints.listing import files_below
from ..itportrait_core.checkpoints.names import is_text, safe_name
from ..itportrait_core.checkpoints.sweeping import sweep
from ..itportrait_core.errors import ITPortraitError

MODELS = "itportrait"
"""ComfyUI's name for our model folder: models/itportrait, and what extra_model_paths.yaml adds to it."""
OURS = ".safetensors"
OFFICIAL = (".pkl", ".pt", ".pth", ".bin")
RESULTS = "itportrait"
"""Folder below ComfyUI's output."""
_told: set[tuple[str, str]] = set()


def register() -> None:
    """Tell ComfyUI about models/itportrait, and that what we write can be loaded again. Called once."""
    folder_paths.add_model_folder_path(MODELS, os.path.join(folder_paths.models_dir, MODELS))
    folder_paths.add_model_folder_path(MODELS, str(results_folder()))
    paths, _ = folder_paths.folder_names_and_paths[MODELS]
    folder_paths.folder_names_and_paths[MODELS] = (paths, {OURS, *OFFICIAL})
    removed = sweep(results_folder(), earlier=True)
    removed += sum(sweep(Path(folder)) for folder in paths)  # imports by the command line write there
    if removed:
        logging.info(f"ITportrait: removed {removed} unfinished files of earlier processes.")


def results_folder() -> Path:
    """Where results are written. It may be a link to another drive; so may folders in it."""
    return Path(os.path.abspath(folder_paths.get_output_directory()), RESULTS)


def models(*endings: str) -> list[str]:
    """Names of the model files with one of these endings, relative to their folders.

    Entries that cannot be read (dangling links, loops, pipes, drives that are gone) are passed over; each is
    said once in the log.
    """
    names: dict[str, None] = {}
    for folder in folder_paths.get_folder_paths(MODELS):
        for path in files_below(Path(folder), say_once):
            if path.suffix.lower() in endings and is_text(path.name):
                names[os.path.relpath(path, folder)] = None
    return sorted(names)


def say_once(path: Path, why: str) -> None:
    """Log that a file was passed over, the first time."""
    if (str(path), why) not in _told:
        _told.add((str(path), why))
        logging.warning(f"ITportrait: {str(path)!r} is left out of the lists: {why}.")


def model(name: str) -> Path:
    """The file of a name from `models`.

    Raises:
        ITPortraitError: if there is no such file below the model folders.
    """
    file = folder_paths.get_full_path(MODELS, name) if isinstance(name, str) and is_text(name) else None
    if file is None:
        places = ", ".join(folder_paths.get_folder_paths(MODELS))
        raise ITPortraitError(
            f"No model file {name!r:.300} in {places}. Put it there and press R to refresh the lists."
        )
    return Path(file)


@contextmanager
def new(name: str, ending: str) -> Iterator[atomic.Reserved]:
    """A new file below output/itportrait that nobody else has or gets: `name_00001` and so on.

    Write to its `draft` inside the block; the file appears, complete, at the end.

    Args:
        name: what the user typed; sub-folders are allowed, ways out of the folder are not.
        ending: with its dot.

    Raises:
        ITPortraitError: for an impossible name, a full disk, or a folder that cannot be written.
    """
    target = results_folder() / safe_name(name)
    with atomic.reserved(target.parent, target.name, ending) as place:
        yield place


def temporary(name: str) -> Path:
    """A file of this name below temp/itportrait, which ComfyUI empties when it starts.

    Raises:
        ITPortraitError: where that folder cannot be made.
    """
    folder = Path(os.path.abspath(folder_paths.get_temp_directory()), RESULTS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ITPortraitError(
            f"The folder {folder} for previews cannot be made ({error.strerror}); check its rights, or start "
            "ComfyUI with --temp-directory."
        ) from error
    return folder / safe_name(name)


def put(file: Path, data: bytes) -> None:
    """Write a whole file of ours below temp, or beside a file whose name is ours, replacing an older one.

    Raises:
        ITPortraitError: for a full disk, or a folder that cannot be written.
    """
    with atomic.replacing(file) as draft:
        draft.write_bytes(data)


def preview_of(file: Path, kind: str = "output") -> dict[str, str]:
    """A file below the output folder, or below "temp", as the editor asks for it."""
    inside = file.relative_to(os.path.abspath(folder_paths.get_directory_by_type(kind)))
    return {"filename": file.name, "subfolder": inside.parent.as_posix(), "type": kind}
