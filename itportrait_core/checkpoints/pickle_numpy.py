"""Numpy numbers and arrays inside pickles: plain little-endian numbers only, never objects."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plain_types import describe
from .pickle_limits import Budget, RefusedPickle


@dataclass
class DType:
    """A numpy type under construction."""

    code: str
    dtype: np.dtype

    def set_byte_order(self, state: object) -> None:
        """Numpy's own state of a type: only plain little-endian ones are accepted."""
        if (
            not isinstance(state, tuple)
            or len(state) < 3
            or state[1] not in ("<", "|", "=")
            or state[2] is not None
        ):
            raise RefusedPickle(f"The checkpoint holds numpy values of an unsupported type ({self.code}).")


@dataclass
class StoredArray:
    """A numpy array; its content arrives in a later step of the file."""

    dtype: np.dtype | None = None
    shape: tuple[int, ...] = ()
    data: memoryview | None = None
    fortran: bool = False

    def array(self) -> np.ndarray:
        """The values, without a copy."""
        if self.dtype is None or self.data is None:
            raise RefusedPickle("The checkpoint is damaged: a numpy array is empty; get the file again.")
        flat = np.frombuffer(self.data, dtype=self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


def make_dtype(args: tuple, budget: Budget) -> DType:
    """`numpy.dtype(code, align, copy)`."""
    code = args[0]
    if not isinstance(code, str) or not re.fullmatch(r"[<|=]?(b1|[iu][1248]|f[248])", code):
        raise RefusedPickle(
            f"The checkpoint holds numpy values of type {describe(code)}; only numbers are allowed."
        )
    return DType(code, np.dtype(code).newbyteorder("<"))


def make_scalar(args: tuple, budget: Budget) -> int | float | bool:
    """`scalar(dtype, bytes)` as a Python number."""
    kind, data = args
    if not isinstance(kind, DType) or len(data) != kind.dtype.itemsize:
        raise RefusedPickle("The checkpoint is damaged: a numpy number has the wrong length.")
    return np.frombuffer(data, kind.dtype)[0].item()


def fill_array(target: StoredArray, state: Any) -> None:
    """Numpy's state of an array: version, shape, type, order, bytes."""
    _, shape, kind, fortran, data = state
    if isinstance(data, str):
        data = memoryview(data.encode("latin-1"))
    sides = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    if not sides or not isinstance(kind, DType) or not isinstance(data, memoryview):
        raise RefusedPickle("The checkpoint is damaged: a numpy array has no valid shape or type.")
    count = math.prod(shape)
    if count * kind.dtype.itemsize != data.nbytes or len(shape) > 16:
        raise RefusedPickle(
            f"The checkpoint is damaged: {data.nbytes} bytes for a numpy array of shape {shape}."
        )
    target.dtype, target.shape, target.data, target.fortran = kind.dtype, shape, data, bool(fortran)
