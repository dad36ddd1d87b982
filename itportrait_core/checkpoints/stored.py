"""What a foreign checkpoint turns into: views of the file's bytes and inert records, nothing that can act."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .pickle_limits import RefusedPickle

MAX_DIMENSIONS = 16
MAX_MODULES = 20_000
SHARED_BYTES = 64 << 20
"""By how much all tensors of a file may together be larger than the file: tied weights share a storage."""


@dataclass
class Storage:
    """Raw little-endian values inside the file; the place is not copied."""

    dtype: torch.dtype
    """Type of one value."""
    numel: int
    """Number of values that the file promises."""
    data: memoryview | None = None
    """The bytes; None until a legacy file has reached them."""

    def fill(self, data: memoryview) -> None:
        """Attach the bytes.

        Raises:
            RefusedPickle: when their number is not that of the promised values.
        """
        if data.nbytes != self.numel * self.dtype.itemsize:
            raise RefusedPickle(
                f"The checkpoint is damaged: {data.nbytes} bytes stored for {self.numel} values "
                f"of {self.dtype}; get the file again."
            )
        self.data = data


@dataclass(frozen=True)
class StoredTensor:
    """A strided view of a storage."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor when it stands alone."""
        return math.prod(self.size) * self.storage.dtype.itemsize

    def tensor(self) -> Tensor:
        """The values, without a copy: a view of the open file. Bounds were checked when the view was made."""
        if math.prod(self.size) == 0:
            return torch.empty(self.size, dtype=self.storage.dtype)
        if self.storage.data is None:
            raise RefusedPickle(
                "The checkpoint is damaged: a tensor's values are missing; get the file again."
            )
        flat = torch.frombuffer(self.storage.data, dtype=self.storage.dtype)
        return flat.as_strided(self.size, self.stride, self.offset)


def stored_tensor(storage: object, offset: Any, size: Any, stride: Any) -> StoredTensor:
    """A checked view.

    Raises:
        RefusedPickle: for a view that leaves its storage, or that claims more values than are stored.
    """
    numbers = (offset, *size, *stride) if isinstance(size, tuple) and isinstance(stride, tuple) else (None,)
    whole = all(type(number) is int and number >= 0 for number in numbers)
    if (
        not isinstance(storage, Storage)
        or not whole
        or len(size) != len(stride)
        or len(size) > MAX_DIMENSIONS
    ):
        raise RefusedPickle("The checkpoint is damaged: a tensor has no valid shape; get the file again.")
    count = math.prod(size)
    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True)) if count else 0
    if count > storage.numel or last >= max(storage.numel, 1):
        raise RefusedPickle(
            f"The checkpoint is damaged or hostile: a tensor of shape {size} with strides {stride} "
            f"at {offset} does not fit its storage of {storage.numel} values."
        )
    return StoredTensor(storage, offset, size, stride)


def check_shared(tensors: Iterable[StoredTensor]) -> None:
    """Refuse tensors that are together much larger than their file, being many views of the same bytes.

    Raises:
        RefusedPickle: naming both sizes; nothing was copied yet.
    """
    total = most = 0
    for tensor in tensors:
        total += tensor.nbytes
        if tensor.storage.data is not None:
            most = max(most, memoryview(tensor.storage.data.obj).nbytes)
    if total > most + SHARED_BYTES:
        raise RefusedPickle(
            f"The checkpoint is damaged or hostile: its tensors take {total >> 20} MB, but it holds "
            f"{most >> 20} MB."
        )


@dataclass
class Record:
    """An object of a class that is not built: its name, its arguments and its state."""

    name: str
    """Qualified name, or the bare class name of a persistent object."""
    args: tuple = ()
    """Positional arguments of the constructor."""
    state: Any = None
    """What would become the object's `__dict__`."""

    def attribute(self, name: str, default: object = None) -> Any:
        """A value of the state; `default` where there is none."""
        return self.state.get(name, default) if isinstance(self.state, dict) else default


def module_tensors(module: Record) -> dict[str, StoredTensor]:
    """The state dict of a stored `nn.Module`, in the order of the original.

    Raises:
        RefusedPickle: for more modules than any network has, or values that are no tensors.
    """
    result: dict[str, StoredTensor] = {}
    waiting = [("", module)]
    for _ in range(MAX_MODULES):
        if not waiting:
            return result
        prefix, current = waiting.pop()
        transient = current.attribute("_non_persistent_buffers_set", ())
        for group in ("_parameters", "_buffers"):
            for name, value in _mapping(current.attribute(group)).items():
                if value is None or name in transient:
                    continue
                if not isinstance(value, StoredTensor):
                    raise RefusedPickle(
                        f"{prefix}{name} in the checkpoint is no tensor; is the file damaged?"
                    )
                result[f"{prefix}{name}"] = value
        children = _mapping(current.attribute("_modules")).items()
        waiting += [
            (f"{prefix}{name}.", child) for name, child in reversed(children) if isinstance(child, Record)
        ]
    raise RefusedPickle("The checkpoint is damaged or hostile: it holds more modules than any network.")


def all_tensors(value: object) -> dict[str, StoredTensor]:
    """Every tensor in nested mappings and records, under its dotted name.

    Raises:
        RefusedPickle: for more mappings than any network has.
    """
    result: dict[str, StoredTensor] = {}
    waiting = [("", value)]
    for _ in range(MAX_MODULES):
        if not waiting:
            return result
        prefix, current = waiting.pop()
        children = _mapping(current.state if isinstance(current, Record) else current)
        result |= {
            f"{prefix}{name}": child for name, child in children.items() if isinstance(child, StoredTensor)
        }
        waiting += [
            (f"{prefix}{name}.", child)
            for name, child in children.items()
            if isinstance(child, dict | Record)
        ]
    raise RefusedPickle("The checkpoint is damaged or hostile: it holds more mappings than any network.")


def _mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def storage_identity(identity: object) -> tuple[str, torch.dtype, int]:
    """Key, type and length of a persistent id. The device that it names is ignored: all goes to the CPU."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise RefusedPickle("The checkpoint is damaged: a storage has no valid name.")
    _, dtype, key, _, numel = identity[:5]
    if not isinstance(dtype, torch.dtype) or not isinstance(key, str) or type(numel) is not int or numel < 0:
        raise RefusedPickle("The checkpoint is damaged: a storage has no valid type or length.")
    return key, dtype, numel
