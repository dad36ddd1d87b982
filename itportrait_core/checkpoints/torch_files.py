"""Reads files of `torch.save`, old and new, and plain pickles: read once into memory, nothing is run.

A zip file holds `data.pkl` and one uncompressed entry for every storage. A legacy file is five pickles (magic
number, protocol, system facts, the object, the keys of its storages) followed by the storages.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..errors import DamagedFile, ITPortraitError
from .pickle_limits import Budget, RefusedPickle, refuse_nested
from .safe_pickle import SafeUnpickler
from .stored import Storage, StoredTensor, all_tensors, stored_tensor
from .tensor_file import DTYPES
from .tensor_header import parse_header

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_LEGACY_START = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")


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
        return _ZipFile(data).load()
    if start.startswith(_LEGACY_START):
        return _LegacyFile(data).load()
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return SafeUnpickler(data, _fresh_budget()).load()
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


def _fresh_budget() -> Budget:
    return Budget(read_nested=_read_nested_storage)


def _read_nested_storage(data: memoryview, budget: Budget) -> Storage:
    """The storage inside a pickle of a module: a legacy file that holds one storage and nothing else."""
    budget.spend(16)
    budget.read_nested = refuse_nested
    value = _LegacyFile(data, budget).load()
    budget.read_nested = _read_nested_storage
    if not isinstance(value, Storage):
        raise RefusedPickle("The checkpoint is damaged: nested data hold no storage.")
    return value


class _LegacyFile:
    """Storages are promised by the object pickle and filled afterwards."""

    def __init__(self, data: memoryview, budget: Budget | None = None) -> None:
        self.unpickler = SafeUnpickler(data, budget or _fresh_budget(), self._storage)
        self.storages: dict[str, Storage] = {}
        self.parts: list[tuple[Storage, str, int]] = []

    def load(self) -> Any:
        """The object, every storage filled."""
        if self.unpickler.load() != MAGIC or self.unpickler.load() != PROTOCOL:
            raise RefusedPickle(
                "The checkpoint is damaged, or older than PyTorch 0.1.10; save it again with PyTorch."
            )
        facts = self.unpickler.load()
        if not isinstance(facts, dict) or facts.get("little_endian") is not True:
            raise RefusedPickle(
                "The checkpoint comes from a big-endian machine; save it again on a common one."
            )
        value = self.unpickler.load()
        keys = self.unpickler.load()
        named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if not named or sorted(keys) != sorted(self.storages):
            raise RefusedPickle("The checkpoint is damaged: its list of storages does not fit its tensors.")
        for key in keys:
            self._fill(self.storages[key])
        for part, key, offset in self.parts:
            whole, size = self.storages[key].data, part.dtype.itemsize
            if whole is None:
                raise RefusedPickle(f"The checkpoint is damaged: the storage {key} was never filled.")
            part.fill(whole[offset * size : (offset + part.numel) * size])
        return value

    def _fill(self, storage: Storage) -> None:
        count = int.from_bytes(self.unpickler.take(8), "little", signed=True)
        if count != storage.numel:
            raise RefusedPickle(
                f"The checkpoint is damaged: {count} values stored where {storage.numel} are promised."
            )
        storage.fill(self.unpickler.take(count * storage.dtype.itemsize))

    def _storage(self, identity: Any) -> Storage:
        key, dtype, numel = _identity(identity)
        storage = self.storages.setdefault(key, Storage(dtype, numel))
        view = identity[5] if len(identity) > 5 else None
        if view is None:
            if storage.dtype != dtype or storage.numel != numel:
                raise RefusedPickle("The checkpoint is damaged: one storage has two sizes.")
            return storage
        _, offset, count = view
        if not all(type(n) is int and n >= 0 for n in (offset, count)) or offset + count > numel:
            raise RefusedPickle("The checkpoint is damaged: a part of a storage leaves the whole.")
        part = Storage(dtype, count)
        self.parts.append((part, key, offset))
        return part


class _ZipFile:
    """Storages are entries of the archive, uncompressed, so that they can stay where they are."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        try:
            with zipfile.ZipFile(_Window(data)) as archive:
                self.entries = {entry.filename: entry for entry in archive.infolist()}
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
            raise RefusedPickle(
                f"The checkpoint is a damaged zip archive ({error}); get the file again."
            ) from error
        pickles = [name for name in self.entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise RefusedPickle("The zip archive holds no checkpoint: data.pkl is missing.")
        self.root = pickles[0].removesuffix("data.pkl")
        self.storages: dict[str, Storage] = {}

    def load(self) -> Any:
        """The object."""
        order = f"{self.root}byteorder"
        if order in self.entries and bytes(self._entry(order)) != b"little":
            raise RefusedPickle(
                "The checkpoint comes from a big-endian machine; save it again on a common one."
            )
        pickled = self._entry(f"{self.root}data.pkl")
        return SafeUnpickler(pickled, _fresh_budget(), self._storage).load()

    def _entry(self, name: str) -> memoryview:
        entry = self.entries.get(name)
        if entry is None:
            raise RefusedPickle(f"The checkpoint is damaged: {name[:100]!r} is missing in the archive.")
        start = entry.header_offset
        header = bytes(self.data[start : start + 30])
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or header[:4] != b"PK\x03\x04":
            raise RefusedPickle(f"The checkpoint is damaged: {name[:100]!r} is compressed or encrypted.")
        start += 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        if start + entry.file_size > len(self.data):
            raise RefusedPickle(f"The checkpoint ends too early, inside {name[:100]!r}; get the file again.")
        return self.data[start : start + entry.file_size]

    def _storage(self, identity: Any) -> Storage:
        key, dtype, numel = _identity(identity)
        if key not in self.storages:
            storage = Storage(dtype, numel)
            storage.fill(self._entry(f"{self.root}data/{key}")[: numel * dtype.itemsize])
            self.storages[key] = storage
        known = self.storages[key]
        if known.dtype != dtype or known.numel != numel:
            raise RefusedPickle("The checkpoint is damaged: one storage has two sizes.")
        return known


class _Window:
    """A buffer as a file that can be read and sought, without a copy."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.position = data, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place counted from the start, from here, or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: len(self.data)}[whence]
        if base + offset < 0:
            raise OSError("seek before the start")
        self.position = base + offset
        return self.position

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The current place."""
        return self.position

    def read(self, count: int | None = -1) -> bytes:
        """The next bytes; all the rest for a negative number."""
        end = len(self.data) if count is None or count < 0 else self.position + count
        chunk = bytes(self.data[self.position : end])
        self.position += len(chunk)
        return chunk


def _identity(identity: object) -> tuple[str, torch.dtype, int]:
    """Key, type and length of a persistent id. The device that it names is ignored: all goes to the CPU."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise RefusedPickle("The checkpoint is damaged: a storage has no valid name.")
    _, dtype, key, _, numel = identity[:5]
    if not isinstance(dtype, torch.dtype) or not isinstance(key, str) or type(numel) is not int or numel < 0:
        raise RefusedPickle("The checkpoint is damaged: a storage has no valid type or length.")
    return key, dtype, numel
