"""Files of `torch.save` before PyTorch 1.6: five pickles (magic number, protocol, system facts, the object,
the keys of its storages) followed by the storages."""

from __future__ import annotations

from typing import Any

from .pickle_limits import Budget, RefusedPickle, refuse_nested
from .safe_pickle import SafeUnpickler
from .stored import Storage, storage_identity

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
LEGACY_START = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")


def fresh_budget() -> Budget:
    """What a file may cost; storages inside pickles of modules are read at its cost."""
    return Budget(read_nested=_read_nested_storage)


def _read_nested_storage(data: memoryview, budget: Budget) -> Storage:
    """The storage inside a pickle of a module: a legacy file that holds one storage and nothing else."""
    budget.spend(16)
    budget.read_nested = refuse_nested
    value = LegacyFile(data, budget).load()
    budget.read_nested = _read_nested_storage
    if not isinstance(value, Storage):
        raise RefusedPickle("The checkpoint is damaged: nested data hold no storage.")
    return value


class LegacyFile:
    """Storages are promised by the object pickle and filled afterwards."""

    def __init__(self, data: memoryview, budget: Budget | None = None) -> None:
        self.unpickler = SafeUnpickler(data, budget or fresh_budget(), self._storage)
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
        key, dtype, numel = storage_identity(identity)
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
