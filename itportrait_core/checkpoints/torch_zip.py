"""Files of `torch.save`: a zip archive of `data.pkl` and one uncompressed entry for every storage."""

from __future__ import annotations

import os
import zipfile
from typing import Any

from .pickle_limits import RefusedPickle
from .safe_pickle import SafeUnpickler
from .stored import Storage, storage_identity
from .torch_legacy import fresh_budget


class ZipFile:
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
        return SafeUnpickler(pickled, fresh_budget(), self._storage).load()

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
        key, dtype, numel = storage_identity(identity)
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
