"""The file of a live head: a JSON header and aligned arrays, little-endian; `pack` documents the header.

    bytes 0..7    b"ITPLIVE1"
    bytes 8..11   uint32: bytes of the header, spaces at its end included
    header        UTF-8 JSON; `arrays` lists {"offset", "type", "shape"}; the rest refers to them by index
    arrays        each at a multiple of 16 bytes from the start of the file; offsets count from there

Types are "f2", "f4" and "u1". Nothing in the file is executed.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checkpoints import plain_json
from ..errors import ITPortraitError

MAGIC = b"ITPLIVE1"
ALIGNMENT = 16
LARGEST_HEADER = 1 << 20
"""Bytes."""
MOST_ARRAYS = 256
TYPES: dict[str, np.dtype[Any]] = {"f2": np.dtype("<f2"), "f4": np.dtype("<f4"), "u1": np.dtype("u1")}
_NAMES = {torch.float16: "f2", torch.float32: "f4", torch.uint8: "u1"}


class Arrays:
    """Tensors that a header refers to by index."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []

    def add(self, tensor: Tensor) -> int:
        """Keep a float16, float32 or uint8 tensor; returns its index."""
        self.tensors.append(tensor.detach().cpu().contiguous())
        return len(self.tensors) - 1


def to_bytes(header: dict[str, Any], arrays: Arrays) -> bytes:
    """The file's bytes."""
    entries: list[dict[str, Any]] = [
        {"type": _NAMES[tensor.dtype], "shape": list(tensor.shape)} for tensor in arrays.tensors
    ]
    start = _place(entries, arrays, 0)
    while True:  # the offsets are part of the header whose length they depend on
        text = json.dumps({**header, "arrays": entries}, separators=(",", ":")).encode()
        needed = _aligned(len(MAGIC) + 4 + len(text))
        if needed == start:
            break
        start = _place(entries, arrays, needed)
    if len(text) > LARGEST_HEADER or len(entries) > MOST_ARRAYS:
        raise ITPortraitError(
            f"A live head of {len(entries)} arrays and a header of {len(text)} bytes is too large; use fewer"
            " generators or shorter names."
        )
    out = bytearray(MAGIC + struct.pack("<I", start - len(MAGIC) - 4))
    out += text.ljust(start - len(out))
    for entry, tensor in zip(entries, arrays.tensors, strict=True):
        out += bytes(entry["offset"] - len(out))
        out += tensor.numpy().astype(TYPES[entry["type"]], copy=False).tobytes()
    return bytes(out)


def from_bytes(data: bytes) -> tuple[dict[str, Any], list[Tensor]]:
    """Header and tensors of a file; nothing in it is trusted.

    Raises:
        ITPortraitError: for what is no live head, or a damaged one.
    """
    try:
        if data[:8] != MAGIC:
            raise ValueError("it does not begin as one")
        (size,) = struct.unpack_from("<I", data, 8)
        if size > LARGEST_HEADER or 12 + size > len(data):
            raise ValueError(f"its header claims {size} bytes")
        header = plain_json.parse_object(data[12 : 12 + size], "its header")
        if not isinstance(header.get("arrays"), list):
            raise ValueError("its header lists no arrays")
        if len(header["arrays"]) > MOST_ARRAYS:
            raise ValueError(f"it claims {len(header['arrays'])} arrays")
        places = [_place_of(data, entry) for entry in header["arrays"]]
        if sum(count * dtype.itemsize for dtype, _, _, count in places) > len(data):
            raise ValueError("its arrays lie over each other")
        return header, [_array(data, *place) for place in places]
    except (ValueError, KeyError, TypeError, struct.error, RecursionError, OverflowError) as error:
        raise ITPortraitError(f"This is no live head, or a damaged one ({error}); make it again.") from error


def _place_of(data: bytes, entry: dict[str, Any]) -> tuple[np.dtype[Any], list[int], int, int]:
    """Type, shape, offset and number of values of an array."""
    dtype: np.dtype[Any] = TYPES[entry["type"]]
    shape = [int(side) for side in entry["shape"]]
    offset, count = int(entry["offset"]), math.prod(shape)
    if min([*shape, offset]) < 0 or offset % ALIGNMENT or offset + count * dtype.itemsize > len(data):
        raise ValueError("an array lies outside the file")
    return dtype, shape, offset, count


def _array(data: bytes, dtype: np.dtype[Any], shape: list[int], offset: int, count: int) -> Tensor:
    values = torch.from_numpy(np.frombuffer(data, dtype, count, offset).reshape(shape).copy())
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        raise ValueError("an array holds values that are not finite")
    return values


def _place(entries: list[dict[str, Any]], arrays: Arrays, start: int) -> int:
    at = start
    for entry, tensor in zip(entries, arrays.tensors, strict=True):
        entry["offset"] = at
        at = _aligned(at + tensor.numel() * tensor.element_size())
    return start


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
