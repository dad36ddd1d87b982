"""The names that a checkpoint may mention, and what each of them means here (docs/eg3d.md#official-pickles).

Nothing is imported for a name: the table below is all there is. Classes of known packages become `Record`s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .pickle_limits import Budget, RefusedPickle
from .pickle_numpy import DType, StoredArray, fill_array, make_dtype, make_scalar
from .stored import Record, StoredTensor, stored_tensor


@dataclass(frozen=True)
class Callee:
    """A name that may be called: one of our own functions, with the arguments of the file."""

    name: str
    function: Callable[[tuple, Budget], Any]
    is_class: bool = False


STORAGES: dict[str, torch.dtype] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_INERT = re.compile(
    r"(training|training_avatar_texture|torch\.nn\.modules|torch\.optim|torch_utils\.ops|__torch__)(\.\w+)*"
)
"""Packages whose classes are kept as records; `__torch__` are those of TorchScript archives."""


def lookup(module: object, name: object) -> object:
    """Meaning of a name; nothing is imported.

    Raises:
        RefusedPickle: with the name, when it is not on the list.
    """
    if not isinstance(module, str) or not isinstance(name, str):
        raise RefusedPickle("The checkpoint is damaged: a name is no text.")
    full = f"{module}.{name}"
    if full in _CALLEES:
        return _CALLEES[full]
    if module in ("torch", "torch.storage", "torch.cuda") and name in STORAGES:
        return STORAGES[name]
    if _INERT.fullmatch(module) and name.isidentifier():
        return Callee(full, lambda args, _: Record(full, args), is_class=True)
    raise RefusedPickle(
        f"The checkpoint refers to {full[:200]!r}, which no network needs and this reader does not allow. "
        "Do not open the file with other tools unless you trust its author."
    )


def call(callee: object, args: object, budget: Budget) -> object:
    """Call one of our own functions.

    Raises:
        RefusedPickle: for anything else, or for arguments that do not fit.
    """
    if not isinstance(callee, Callee) or not isinstance(args, tuple):
        raise RefusedPickle("The checkpoint wants to call something that cannot be called here.")
    try:
        return callee.function(args, budget)
    except RefusedPickle:
        raise
    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise RefusedPickle(
            f"The checkpoint is damaged: bad arguments for {callee.name} ({error})."
        ) from error


def build(target: object, state: object) -> object:
    """Give an object its state; returns the object.

    Raises:
        RefusedPickle: for an object that takes none.
    """
    if isinstance(target, Record):
        target.state = state
    elif isinstance(target, DType):
        target.set_byte_order(state)
    elif isinstance(target, StoredArray):
        fill_array(target, state)
    elif not isinstance(target, dict):  # a dict's attributes (`_metadata`) say nothing that we need
        raise RefusedPickle(
            "The checkpoint is damaged or hostile: it sets the state of something that has none."
        )
    return target


def key_of(value: object) -> object:
    """A value that may be a key: plain and cheap to hash.

    Raises:
        RefusedPickle: for anything else.
    """
    plain = isinstance(value, str | float | bool | None) or (
        isinstance(value, int) and -(2**62) < value < 2**62
    )
    if plain or (
        isinstance(value, tuple) and len(value) < 8 and all(isinstance(v, str | int | None) for v in value)
    ):
        return value
    raise RefusedPickle(f"The checkpoint is damaged or hostile: a {type(value).__name__} cannot be a key.")


def _persistent_object(args: tuple, budget: Budget) -> Record:
    """NVIDIA's persistent object. The source code that it carries is dropped unread."""
    (meta,) = args
    if meta["type"] != "class" or not isinstance(meta["class_name"], str):
        raise RefusedPickle("The checkpoint is damaged: a persistent object is no class.")
    return Record(meta["class_name"], (), meta["state"])


def _dict(args: tuple, budget: Budget) -> dict:
    """Any kind of mapping, from nothing, from a mapping or from pairs."""
    items = args[0] if args else ()
    pairs = items.items() if isinstance(items, dict) else items
    budget.spend(len(items))
    return {key_of(key): value for key, value in pairs}


def _set(args: tuple, budget: Budget) -> set:
    items = args[0] if args else ()
    budget.spend(len(items))
    return {key_of(item) for item in items}


def _size(args: tuple, budget: Budget) -> tuple:
    budget.spend(len(args[0]))
    return tuple(args[0])


def _parameter(args: tuple, budget: Budget) -> StoredTensor:
    if not isinstance(args[0], StoredTensor):
        raise RefusedPickle("The checkpoint is damaged: a parameter is no tensor.")
    return args[0]


def _first(args: tuple, budget: Budget) -> object:
    return args[0]


def _load_from_bytes(args: tuple, budget: Budget) -> object:
    (data,) = args
    if not isinstance(data, memoryview):
        raise RefusedPickle("The checkpoint is damaged: nested data are no bytes.")
    return budget.read_nested(data, budget)


def _encode(args: tuple, budget: Budget) -> memoryview:
    text, encoding = args
    if encoding != "latin1" or not isinstance(text, str):
        raise RefusedPickle("The checkpoint is damaged: bytes are encoded in an unknown way.")
    budget.read_text(len(text))
    return memoryview(text.encode("latin-1"))


def _callees() -> dict[str, Callee]:
    classes = {
        "collections.OrderedDict": _dict,
        "collections.Counter": _dict,
        "dnnlib.util.EasyDict": _dict,
        "dnnlib.EasyDict": _dict,
        "builtins.set": _set,
        "__builtin__.set": _set,
        "torch.Size": _size,
        "torch.device": lambda args, budget: Record("torch.device", args),
        "argparse.Namespace": lambda args, budget: Record("argparse.Namespace", args),
        "numpy.dtype": make_dtype,
        "numpy.ndarray": lambda args, budget: StoredArray(),
    }
    functions = {
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
        "torch._utils._rebuild_tensor": lambda args, budget: stored_tensor(*args),
        "torch._utils._rebuild_tensor_v2": lambda args, budget: stored_tensor(*args[:4]),
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch.storage._load_from_bytes": _load_from_bytes,
        "_codecs.encode": _encode,
        "torch.jit._pickle.build_intlist": _first,
        "torch.jit._pickle.build_doublelist": _first,
        "torch.jit._pickle.build_boollist": _first,
        "torch.jit._pickle.build_tensorlist": _first,
        "torch.jit._pickle.restore_type_tag": _first,
        **{f"{module}.scalar": make_scalar for module in _NUMPY},
        **{f"{module}._reconstruct": lambda args, budget: StoredArray() for module in _NUMPY},
    }
    table = {name: Callee(name, function, is_class=True) for name, function in classes.items()}
    return table | {name: Callee(name, function) for name, function in functions.items()}


_CALLEES = _callees()
