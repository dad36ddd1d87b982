"""The one place where content is turned into hashes (SHA-256, hexadecimal).

torch is imported by the functions that need it: planning a farm hashes files where there is none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ITPortraitError

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 1 << 20
_known: dict[tuple[str, int, int], str] = {}


def of_bytes(data: bytes | memoryview) -> str:
    """Hash of bytes."""
    return hashlib.sha256(data).hexdigest()


def of_json(value: object) -> str:
    """Hash of JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def of_file(path: str | os.PathLike[str], report: Callable[[int], None] | None = None) -> str:
    """Hash of a file's bytes; `report` learns how many are done."""
    digest, done = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            done += len(block)
            if report is not None:
                report(done)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """As `of_file`; counted once for each path, time and size.

    Raises:
        ITPortraitError: for a file that is gone or cannot be read.
    """
    try:
        state = path.stat()
        key = (str(path), state.st_mtime_ns, state.st_size)
        if key not in _known:
            _known[key] = of_file(path)
    except OSError as error:
        raise ITPortraitError(f"{path} cannot be read ({error.strerror}); is it still there?") from error
    return _known[key]


def of_buffer(data: memoryview, report: Callable[[int], None] | None = None) -> str:
    """As `of_file`, for a file that is in memory already."""
    digest = hashlib.sha256()
    for start in range(0, len(data), _CHUNK):
        digest.update(data[start : start + _CHUNK])
        if report is not None:
            report(min(start + _CHUNK, len(data)))
    return digest.hexdigest()


def of_values(tensor: Tensor) -> str:
    """Hash over shape and float32 values: the same whatever the storage type that holds them exactly."""
    import torch

    data = tensor.detach().to("cpu", torch.float32).contiguous()
    digest = hashlib.sha256(repr(tuple(data.shape)).encode())
    digest.update(_raw(data))
    return digest.hexdigest()


def of_weights(weights: Mapping[str, Tensor]) -> str:
    """Hash over names and float32 values of weights: the same however a file stores them."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(bytes.fromhex(of_values(value)))
    return digest.hexdigest()


def of_stored(label: object, tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Hash over JSON values and then names, types, shapes and bytes of tensors, in the given order."""
    digest = hashlib.sha256(json.dumps(label, sort_keys=True).encode())
    for name, tensor in tensors:
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_raw(tensor.contiguous()))
    return digest.hexdigest()


def of_pixels(*parts: Tensor) -> str:
    """Hash over shapes, types and bytes of tensors, whatever device they are on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{tuple(part.shape)} {part.dtype}".encode())
        digest.update(_raw(part.detach().cpu().contiguous()))
    return digest.hexdigest()


def of_floats(*parts: Tensor) -> str:
    """Hash over the float32 bytes of tensors, without their shapes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_raw(part.detach().cpu().float().contiguous()))
    return digest.hexdigest()


def _raw(tensor: Tensor) -> memoryview:
    import torch

    flat = tensor.reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy() if flat.numel() else b"")
