"""The one way in which files are written: whole or not at all, never over what somebody else has made.

A file is written as a draft beside its place, brought to the disk (fsync), and then gets its name. The
draft's name ends in `DRAFT`, which no list of models shows, and is made exclusively, so that it also
reserves the final name: two processes never write the same one. A process that is killed leaves its draft
behind, for `sweeping`.
"""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ITPortraitError

try:
    import fcntl
except ImportError:  # Windows: drafts are judged by their age alone
    fcntl = None  # type: ignore[assignment]

DRAFT = ".itp-draft"
"""Ending of unfinished files."""
_held: dict[str, int] = {}
"""Draft -> open descriptor whose lock tells other processes that the draft is in use."""


@dataclass
class Reserved:
    """A name that nobody else can take.

    Attributes:
        path: the file that will appear.
        draft: where to write it meanwhile.
    """

    path: Path
    draft: Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A draft that takes the place of `path` at the end; nothing changes when the block fails.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _claimed(path.with_name(f".{uuid.uuid4().hex}{DRAFT}"))
    try:
        with _explained(path):
            yield draft
            _sync(draft)
            os.replace(draft, path)
            _sync_folder(path.parent)
        if str(path) in _held:  # a draft was rewritten: the lock follows the new content
            _release(path)
            _held[str(path)] = _held.pop(str(draft))
    finally:
        _discard(draft)


@contextmanager
def reserved(folder: Path, stem: str, ending: str, *, plain: bool = False) -> Iterator[Reserved]:
    """The next free name `STEM_00001ENDING` of a folder; the file appears at the end of the block, complete.

    Args:
        folder: made when it is missing.
        stem: first part of the name.
        ending: with its dot.
        plain: begin with `STEMENDING`, without a number, and number only what follows.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    with _explained(folder / f"{stem}{ending}"):
        folder.mkdir(parents=True, exist_ok=True)
        names = _names(folder, stem, ending, plain)
        place = _next(folder, names)
    try:
        with _explained(place.path):
            yield place
            _sync(place.draft)
            while True:
                try:
                    _publish(place.draft, place.path)
                    break
                except FileExistsError:  # somebody else's program took the name meanwhile
                    place.path = folder / next(names)
    finally:
        _discard(place.draft)


@contextmanager
def creating(path: Path) -> Iterator[Path]:
    """A draft that becomes `path` at the end, unless somebody else has made that file meanwhile.

    What was made meanwhile stays, and the draft is dropped: use it where equal names mean equal contents.
    What stands there and is no file, such as a folder or a link to nowhere, is set aside.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _claimed(path.with_name(f".{uuid.uuid4().hex}{DRAFT}"))
    try:
        with _explained(path):
            yield draft
            _sync(draft)
            try:
                _publish(draft, path)
            except FileExistsError:
                if not os.path.isfile(path):
                    set_aside(path)
                    _publish(draft, path)
    finally:
        _discard(draft)


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, so that its place is free; returns its new name.

    Raises:
        ITPortraitError: when the folder refuses.
    """
    with _explained(path):
        target = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.damaged")
        os.replace(path, target)
    return target


def _names(folder: Path, stem: str, ending: str, plain: bool) -> Iterator[str]:
    """Names that may be free: the numbers behind the highest one that is there."""
    pattern = re.compile(rf"\.?{re.escape(stem)}_(\d{{5,9}}){re.escape(ending)}({re.escape(DRAFT)})?")
    matches = (pattern.fullmatch(name) for name in os.listdir(folder))
    number = max((int(match[1]) for match in matches if match), default=0)
    if plain:
        yield f"{stem}{ending}"
    while True:
        number += 1
        yield f"{stem}_{number:05}{ending}"


def _next(folder: Path, names: Iterator[str]) -> Reserved:
    for name in names:
        try:
            draft = _claimed(folder / f".{name}{DRAFT}")
        except FileExistsError:
            continue
        if not os.path.lexists(folder / name):
            return Reserved(folder / name, draft)
        _discard(draft)
    raise AssertionError("names never end")


def _claimed(draft: Path) -> Path:
    """Make an empty draft that was not there, and hold it."""
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    if fcntl is None:
        os.close(handle)
    else:
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _held[str(draft)] = handle
    return draft


def _release(draft: Path) -> None:
    handle = _held.pop(str(draft), None)
    if handle is not None:
        os.close(handle)


def _discard(draft: Path) -> None:
    _release(draft)
    with suppress(OSError):  # swept later
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """Give a draft its name.

    Raises:
        FileExistsError: when the name is taken.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        _release(draft)
        os.replace(draft, path)
    _sync_folder(path.parent)


def _sync(draft: Path) -> None:
    """Bring a draft to the disk, so that after a power cut its name never stands for half of it."""
    handle = os.open(draft, os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES):
            raise
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in words, and with the name that the user knows, why a file cannot be written."""
    try:
        yield
    except (OSError, UnicodeEncodeError) as error:
        name = path.name
        known_name = path.with_name(name[1 : -len(DRAFT)]) if name.endswith(DRAFT) else path
        why = error.strerror if isinstance(error, OSError) else "no file system can hold the name"
        raise ITPortraitError(
            f"{str(known_name)!r} cannot be written ({why}); free some disk space, check the rights of the "
            "folder, or choose another name."
        ) from error
