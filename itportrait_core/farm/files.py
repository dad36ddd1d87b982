"""Files on shared storage: whether a result is whole, by a look at its ends, and whether a disk is full."""

from __future__ import annotations

import errno
import json
import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..checkpoints.atomic import replacing
from ..checkpoints.tensor_header import TensorHeader, read_header
from ..errors import DamagedFile

FULL = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Errors that say: this machine cannot write here, whatever the job."""
_FULL_WORDS = re.compile(rf"os error ({'|'.join(str(number) for number in sorted(FULL))})\b")
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PROBE_BYTES = 4 << 20


def write_json(path: Path, value: object) -> None:
    """Write one JSON value."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(value, sort_keys=True), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file; None where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_whole(path: Path) -> bool:
    """Whether a result is there and complete: of the size that its header states, or with its end mark."""
    try:
        if path.suffix == ".safetensors":
            return bool(header_of(path).tensors)
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - len(PNG_END), 0))
            return file.read() == PNG_END
    except (OSError, DamagedFile):
        return False


def header_of(path: Path) -> TensorHeader:
    """The header of a safetensors file.

    Raises:
        OSError: when it cannot be read.
        DamagedFile: when it does not fit the bytes behind it.
    """
    with path.open("rb") as file:
        return read_header(file, str(path))


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
