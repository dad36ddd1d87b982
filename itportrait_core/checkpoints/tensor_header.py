"""The header of a safetensors file: what it says about its tensors, checked before anything is read.

Eight bytes say how long it is; JSON follows, then the values without gaps, little-endian. Imports no torch.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..errors import DamagedFile, ITPortraitError
from . import plain_json

METADATA = "__metadata__"
MAX_DIMENSIONS = 16
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Name of a type -> bytes of a value. Types that are not here are read by nobody, and not judged."""


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies, and what it is."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    """First byte, counted from the end of the header."""
    end: int


@dataclass(frozen=True)
class TensorHeader:
    """What stands before the values."""

    metadata: dict[str, str]
    tensors: dict[str, Entry]
    length: int
    """Bytes before the first value."""


def read_header(file: BinaryIO, where: str) -> TensorHeader:
    """The header of an open file; errors as in `parse_header`."""
    size = os.fstat(file.fileno()).st_size
    return _checked(file.read(_size(file.read(8), size, where)), size, where)


def parse_header(data: memoryview, where: str) -> TensorHeader:
    """The header of a safetensors file that is in memory.

    Raises:
        DamagedFile: when it does not fit the bytes behind it.
    """
    count = _size(bytes(data[:8]), len(data), where)
    return _checked(bytes(data[8 : 8 + count]), len(data), where)


def _size(start: bytes, size: int, where: str) -> int:
    count = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= count <= min(plain_json.LONGEST, size - 8):
        raise DamagedFile(
            f"{where} is damaged or no safetensors file (a header of {count} bytes); get it again."
        )
    return count


def _checked(text: bytes, size: int, path: str) -> TensorHeader:
    count = len(text)
    header = plain_json.parse_object(text, f"The header of {path}")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise DamagedFile(f"The header of {path} is damaged: its notes are no texts; get the file again.")
    tensors = {name: _entry(path, name, value) for name, value in header.items()}
    expected = 0
    for entry in sorted(tensors.values(), key=lambda entry: (entry.start, entry.end)):
        if entry.start != expected:
            raise DamagedFile(f"The header of {path} is damaged: its tensors do not lie side by side.")
        expected = entry.end
    if 8 + count + expected != size:
        raise DamagedFile(
            f"{path} is damaged: {size} bytes in place of {8 + count + expected}; get the file again."
        )
    return TensorHeader(metadata, tensors, 8 + count)


def _entry(path: str, name: str, value: object) -> Entry:
    """One tensor of a header, checked."""
    fields = value if isinstance(value, dict) else {}
    shape, offsets = _wholes(fields.get("shape")), _wholes(fields.get("data_offsets"))
    dtype = fields.get("dtype")
    if shape is None or offsets is None or not isinstance(dtype, str):
        raise DamagedFile(f"The header of {path} is damaged at {name!r:.200}; get the file again.")
    if len(offsets) != 2 or len(shape) > MAX_DIMENSIONS:
        raise DamagedFile(f"The header of {path} is damaged at {name!r:.200}; get the file again.")
    entry = Entry(dtype, tuple(shape), *offsets)
    size = SIZES.get(dtype)
    if entry.start > entry.end or (size and math.prod(shape) * size != entry.end - entry.start):
        raise DamagedFile(
            f"The header of {path} is damaged: {name!r:.200} has {entry.end - entry.start} bytes for the "
            f"shape {entry.shape}; get the file again."
        )
    return entry


def _wholes(value: object) -> list[int] | None:
    """A list of whole numbers from 0 on; None for anything else."""
    if isinstance(value, list) and all(type(number) is int and number >= 0 for number in value):
        return value
    return None


def header_bytes(header: Mapping[str, Any]) -> bytes:
    """A header as it stands at the start of a file.

    Raises:
        ITPortraitError: when it would be too long to be read again.
    """
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > plain_json.LONGEST:
        raise ITPortraitError(
            f"The notes of the file would be {len(text)} bytes long, at most {plain_json.LONGEST} are read "
            "again; save with a smaller workflow, or after fewer steps."
        )
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text
