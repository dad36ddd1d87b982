"""Reads files of `torch.save`, old and new, plain pickles, and foreign safetensors: once into memory, and
nothing of them is run."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from ..errors import DamagedFile, ITPortraitError
from .pickle_limits import RefusedPickle
from .safe_pickle import SafeUnpickler
from .stored import Storage, StoredTensor, all_tensors, check_shared, stored_tensor
from .tensor_file import DTYPES
from .tensor_header import parse_header
from .torch_legacy import LEGACY_START, LegacyFile, fresh_budget
from .torch_zip import ZipFile


@contextmanager
def open_checkpoint(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The object in a pickle or a torch file, its tensors as `StoredTensor`s; valid inside the `with` block.

    Raises:
        ITPortraitError: for a missing, damaged or hostile file.
    """
    yield read_checkpoint(read_whole(path))


def read_whole(path: str | os.PathLike[str]) -> memoryview:
    """A file's bytes, read into memory: a map would end the process when the file is cut short meanwhile.

    Raises:
        ITPortraitError: for a missing, empty or unreadable file, or one that is cut short while it is read.
    """
    try:
        if not os.path.isfile(path):
            raise ITPortraitError(f"There is no file {path}; check the name.")
        with open(path, "rb") as file:
            data = bytearray(os.fstat(file.fileno()).st_size)
            view, done = memoryview(data), 0
            while done < len(data) and (count := file.readinto(view[done : done + (1 << 24)])):
                done += count
    except OSError as error:
        raise ITPortraitError(f"Could not read {path}: {error.strerror}; check the name.") from error
    if not data:
        raise DamagedFile(f"{path} is empty; get the file again.")
    if done < len(data):
        raise DamagedFile(f"{path} was cut short while it was read; get the file again.")
    return view


def read_checkpoint(data: memoryview) -> Any:
    """The object in a buffer that holds a whole file.

    Raises:
        RefusedPickle: for a damaged or hostile file, or one of another format.
    """
    start = bytes(data[:16])
    if start.startswith(b"PK\x03\x04"):
        return ZipFile(data).load()
    if start.startswith(LEGACY_START):
        return LegacyFile(data).load()
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return SafeUnpickler(data, fresh_budget()).load()
    if start[8:9] == b"{":
        return _stored_safetensors(data)
    raise RefusedPickle(
        "This is no checkpoint: neither a pickle nor a file of torch.save or of safetensors; check that it "
        "is complete."
    )


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """All tensors of a file under their dotted names, copied out of it; a `state_dict` around them is opened.

    TorchScript archives count as well; their programs are ignored.

    Raises:
        ITPortraitError: for a missing, damaged or hostile file, or one without tensors.
    """
    content = read_checkpoint(read_whole(path))
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    named = all_tensors(content)
    if not named:
        raise ITPortraitError(f"{path} holds no weights; is it the right file?")
    check_shared(named.values())
    return {name: stored.tensor().clone() for name, stored in named.items()}


def _stored_safetensors(data: memoryview) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file that is not ours."""
    header = parse_header(data, "The source")
    if {"family", "format_version"} <= set(header.metadata) or "itportrait" in header.metadata:
        raise ITPortraitError("This is a safetensors file of ITportrait already; it needs no import.")
    if not header.tensors:
        raise RefusedPickle("The safetensors file holds no tensors; is it the right file?")
    result = {}
    for name, entry in header.tensors.items():
        dtype = DTYPES.get(entry.dtype)
        if dtype is None:
            raise DamagedFile(f"The source holds {name!r:.200} as {entry.dtype}, which is not read here.")
        storage = Storage(dtype, (entry.end - entry.start) // dtype.itemsize)
        storage.fill(data[header.length + entry.start : header.length + entry.end])
        result[name] = stored_tensor(storage, 0, entry.shape, _strides(entry.shape))
    return result


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
