"""Files: models are read under ComfyUI's model folders, results are written under its output folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import folder_paths

from ..itportrait_core.errors import ITPortraitError

MODELS = "itportrait"
"""ComfyUI's name for our model folder: models/itportrait, and what extra_model_paths.yaml adds to it."""
OURS = ".safetensors"
OFFICIAL = (".pkl", ".pt", ".pth", ".bin")
RESULTS = "itportrait"
"""Folder below ComfyUI's output."""


def register() -> None:
    """Tell ComfyUI about models/itportrait, and that what we write can be loaded again. Called once."""
    folder_paths.add_model_folder_path(MODELS, os.path.join(folder_paths.models_dir, MODELS))
    folder_paths.add_model_folder_path(MODELS, os.path.join(folder_paths.get_output_directory(), RESULTS))
    paths, _ = folder_paths.folder_names_and_paths[MODELS]
    folder_paths.folder_names_and_paths[MODELS] = (paths, {OURS, *OFFICIAL})


def models(*endings: str) -> list[str]:
    """Names of the model files with one of these endings, as ComfyUI lists them."""
    names = folder_paths.get_filename_list(MODELS)
    return [name for name in names if os.path.splitext(name)[1].lower() in endings]


def model(name: str) -> Path:
    """The file of a name from `models`.

    Raises:
        ITPortraitError: if there is no such file below the model folders.
    """
    path = folder_paths.get_full_path(MODELS, name)
    if path is None:
        places = ", ".join(folder_paths.get_folder_paths(MODELS))
        raise ITPortraitError(
            f"No model file {name!r} in {places}. Put it there and press R to refresh the lists."
        )
    return Path(path)


def result(name: str, ending: str) -> Path:
    """A new file below output/itportrait that nobody has yet: `name_00001` and so on.

    Args:
        name: what the user typed; sub-folders are allowed, ways out of the folder are not.
        ending: with its dot.
    """
    root = Path(folder_paths.get_output_directory(), RESULTS).resolve()
    wanted = safe_name(name)
    target = (root / wanted).resolve()
    if not target.is_relative_to(root):
        raise ITPortraitError(f"The name {name!r} leads out of {root}; give a plain name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while (file := target.with_name(f"{target.name}_{number:05}{ending}")).exists():
        number += 1
    return file


def write(file: Path, data: bytes) -> None:
    """Write a whole file or nothing.

    Raises:
        ITPortraitError: when the disk is full or the folder refuses.
    """
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ITPortraitError(
            f"{file} cannot be written ({error.strerror}); free some disk space or choose another name."
        ) from error


def temporary(name: str) -> Path:
    """A file of this name below temp/itportrait, which ComfyUI empties when it starts."""
    folder = Path(folder_paths.get_temp_directory(), RESULTS).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / safe_name(name)


def preview_of(file: Path, kind: str = "output") -> dict[str, str]:
    """A file below the output folder, or below "temp", as the editor asks for it."""
    inside = file.relative_to(Path(folder_paths.get_directory_by_type(kind)).resolve())
    return {"filename": file.name, "subfolder": inside.parent.as_posix(), "type": kind}


def safe_name(name: str) -> str:
    """The name itself when it is a plain relative path.

    Raises:
        ITPortraitError: for an empty or absolute name, a drive, `..`, or characters that some systems refuse.
    """
    parts = name.replace("\\", "/").split("/")
    plain = re.compile(r"[^\x00-\x1f<>:\"|?*]+")
    if len(name) > 200 or any(part in ("", ".", "..") or not plain.fullmatch(part) for part in parts):
        raise ITPortraitError(
            f"{name[:80]!r} is no file name. Use letters, digits, '-' and '_', with '/' for a sub-folder."
        )
    return "/".join(parts)
