"""Which model files a loader offers, and where a chosen one lies."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..itportrait_core.checkpoints import embedded
from ..itportrait_core.checkpoints.downloads import where
from ..itportrait_core.errors import ITPortraitError
from . import folders

EMBEDDED = "pocket (embedded)"
STYLE = "style-delta"
"""Kind of a file that holds only what a style changes."""
FOREIGN = ""
"""Kind of a safetensors file that is not ours."""
UNREADABLE = "?"
"""Kind of a damaged file, or of one that a later version of this pack has made."""
FAMILIES = {
    "generator": "eg3d",
    "photo": "stylegan2",
    "encoder": "style_encoder",
    "pose": "pose",
    "identity": "identity",
}
"""Embedded network of each role -> family of official weights that can stand in its place."""


def choices(*families: str) -> list[str]:
    """The embedded network, then every model file that holds one of the families."""
    return [EMBEDDED, *files_of(*families)]


def files_of(*kinds: str) -> list[str]:
    """Names of the model files that hold one of these kinds: a network's family, or "portrait"."""
    return [name for name in folders.models(folders.OURS) if _kind_named(name) in kinds]


def _kind_named(name: str) -> str:
    try:
        return kind(folders.model(name))
    except ITPortraitError:  # it has vanished meanwhile
        return UNREADABLE


def locate(choice: str, pocket: str) -> Path:
    """The file behind an entry of `choices`.

    Raises:
        ITPortraitError: for a file that is not there; it says what to get, where from, and on which terms.
    """
    return embedded.path(pocket) if choice == EMBEDDED else located(choice, FAMILIES[pocket])


def located(name: str, family: str) -> Path:
    """The model file of this name; errors as in `locate`."""
    try:
        return folders.model(name)
    except ITPortraitError as error:
        raise ITPortraitError(f"{error} {where(family)}") from error


def kind(path: Path) -> str:
    """What a model file holds: a network's family, `STYLE`, "portrait", `FOREIGN` or `UNREADABLE`.

    Never raises: one odd file takes nothing away from the others.
    """
    try:
        state = path.stat()
        return _kind_of(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        folders.say_once(path, str(error.strerror))
        return UNREADABLE


@lru_cache(maxsize=10_000)
def _kind_of(path: Path, time: int, size: int) -> str:
    """What a file's header says it holds, or `FOREIGN`; time and size notice a new file."""
    from ..itportrait_core.checkpoints import plain_json
    from ..itportrait_core.checkpoints.format import FORMAT_VERSION
    from ..itportrait_core.checkpoints.tensor_file import open_tensors

    try:
        with open_tensors(path) as file:
            notes = file.metadata()
        if "family" in notes and notes.get("format_version") != FORMAT_VERSION:
            folders.say_once(path, f"its format version is {notes.get('format_version')!r:.20}")
            return UNREADABLE
        own = plain_json.parse_object(notes.get("itportrait", "{}"), str(path))
        return notes.get("family") or str(own.get("kind", FOREIGN))
    except (ITPortraitError, OSError) as error:
        folders.say_once(path, str(error))
        return UNREADABLE
