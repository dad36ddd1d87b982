"""Files of the farm on shared storage: whole or not at all, and judged whole by a look at their ends."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ITPortraitError

FULL = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Errors that say: this machine cannot write here, whatever the job."""
_FULL_WORDS = re.compile(rf"os error ({'|'.join(str(number) for number in sorted(FULL))})\b")
_LARGEST_HEADER = 64 << 20
PROBE_BYTES = 4 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft that takes the place of `path` at the end; nothing changes when the block fails.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}{path.suffix}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise ITPortraitError(
            f"{path} cannot be written ({error.strerror or error}); free some disk space, or check the "
            "rights of the folder."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write one JSON value."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(value, sort_keys=True), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file; None where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_whole(path: Path) -> bool:
    """Whether a result is there and complete: the size that its header states, or its end mark."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if path.suffix == ".safetensors":
                return _ends_as_stated(file.read(8), file, size)
            file.seek(max(size - 12, 0))
            return size > 12 and file.read() == b"\0\0\0\0IEND\xaeB`\x82"
    except (OSError, ValueError, struct.error, TypeError, AttributeError):
        return False


def notes_of(path: Path) -> dict[str, str]:
    """The notes in the header of a safetensors file.

    Raises:
        ValueError: for another or a damaged file.
    """
    with path.open("rb") as file:
        start, size = file.read(8), os.fstat(file.fileno()).st_size
        return dict(_header(start, file, size)[0].get("__metadata__") or {})


def _header(start: bytes, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
        raise ValueError(f"its header claims {length} bytes")
    return json.loads(file.read(length)), length


def _ends_as_stated(start: bytes, file: BinaryIO, size: int) -> bool:
    header, length = _header(start, file, size)
    header.pop("__metadata__", None)
    return 8 + length + max((one["data_offsets"][1] for one in header.values()), default=0) == size


def is_storage_fault(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that this machine cannot write any more."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if _FULL_WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def can_write(folder: Path, size: int = PROBE_BYTES) -> bool:
    """Whether `size` bytes can be written below a folder now; they are removed again."""
    probe = folder / f".{uuid.uuid4().hex}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * size)
        return probe.stat().st_size == size
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
