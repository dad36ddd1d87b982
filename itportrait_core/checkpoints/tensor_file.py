"""Safetensors files: one reader, one writer.

Tensors are read, never memory-mapped: a file that is cut short or vanishes meanwhile, as on a network drive,
gives an error instead of ending the process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ..errors import DamagedFile, ITPortraitError
from . import atomic
from .tensor_header import METADATA, TensorHeader, header_bytes, read_header

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class TensorFile:
    """An open safetensors file; use it in a `with` block."""

    def __init__(self, path: Path, file: BinaryIO, header: TensorHeader) -> None:
        self.path, self.file, self.header = path, file, header

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def metadata(self) -> dict[str, str]:
        """The texts of the header."""
        return dict(self.header.metadata)

    def keys(self) -> list[str]:
        """Names of the tensors."""
        return list(self.header.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, without reading it."""
        return self.header.tensors[name].shape

    def get_tensor(self, name: str, *, finite: bool = True) -> Tensor:
        """The values of one tensor, in memory of their own.

        Args:
            name: one of `keys`.
            finite: refuse values that are not finite.

        Raises:
            DamagedFile: when the file ends before them, or holds values that are not finite.
        """
        entry = self.header.tensors[name]
        dtype = DTYPES.get(entry.dtype)
        if dtype is None:
            raise DamagedFile(f"{self.path} holds {name!r:.200} as {entry.dtype}, which is not read here.")
        if entry.end == entry.start:
            return torch.empty(entry.shape, dtype=dtype)
        data = bytearray(entry.end - entry.start)
        self._fill(data, self.header.length + entry.start)
        if dtype is torch.bool:
            return torch.frombuffer(data, dtype=torch.uint8).reshape(entry.shape) != 0
        values = torch.frombuffer(data, dtype=dtype).reshape(entry.shape)
        if finite:
            check_finite(values, f"{self.path}: {name!r:.200}")
        return values

    def tensors(self, *, finite: bool = True) -> dict[str, Tensor]:
        """All tensors by name; `finite` as in `get_tensor`."""
        return {name: self.get_tensor(name, finite=finite) for name in self.header.tensors}

    def _fill(self, data: bytearray, position: int) -> None:
        view, done = memoryview(data), 0
        try:
            self.file.seek(position)
            while done < len(data) and (count := self.file.readinto(view[done:])):  # type: ignore[attr-defined]
                done += count
        except OSError as error:
            raise DamagedFile(f"{self.path} could not be read ({error.strerror}); try again.") from error
        if done < len(data):
            raise DamagedFile(f"{self.path} was cut short while it was read; get the file again.")


def check_finite(values: Tensor, where: str) -> None:
    """Refuse a tensor with values that are not finite.

    Raises:
        DamagedFile: naming the place.
    """
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        raise DamagedFile(f"{where} holds values that are not finite (NaN or infinity); get the file again.")


def open_tensors(path: str | os.PathLike[str]) -> TensorFile:
    """Open a safetensors file; use it as a context manager.

    Raises:
        ITPortraitError: when the file is missing or damaged.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise ITPortraitError(
            f"There is no file {path}; check the name, or get the weights as README, "
            "section Bring your own weights, says."
        )
    try:
        file = path.open("rb")
    except OSError as error:
        raise ITPortraitError(f"{path} cannot be read ({error.strerror}); check its rights.") from error
    try:
        return TensorFile(path, file, read_header(file, str(path)))
    except BaseException:
        file.close()
        raise


def is_safetensors(path: Path) -> bool:
    """Whether a file is a safetensors file, by its first bytes and not by its name."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:
        return False
    return start[8:9] == b"{" or (
        path.suffix.lower() == ".safetensors" and start[:2] not in (b"PK", b"\x80\x02")
    )


def write_tensors(
    tensors: Mapping[str, Tensor], path: str | os.PathLike[str], metadata: Mapping[str, str]
) -> Path:
    """Write a safetensors file: the whole new file is there at the end, or the old one is untouched.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    place = 0
    for name, tensor in ordered:
        end = place + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, end],
        }
        place = end
    with atomic.replacing(path) as draft, draft.open("wb") as file:
        file.write(header_bytes(header))
        for _, tensor in ordered:
            write_values(file, tensor)
    return Path(path)


def write_values(file: BinaryIO, tensor: Tensor) -> None:
    """Append the bytes of one tensor to an open file."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.numel():
        file.write(flat.view(torch.uint8).numpy().data)


def attach(path: Path, notes: Mapping[str, str]) -> None:
    """Put notes into the header of a safetensors file; its tensors stay byte for byte.

    Raises:
        ITPortraitError: for a damaged file, or when it cannot be written.
    """
    with open_tensors(path) as source:
        metadata = {**source.header.metadata, **notes}
        # in one order: safetensors writes them in any
        header: dict[str, Any] = {METADATA: dict(sorted(metadata.items()))}
        for name, entry in source.header.tensors.items():
            header[name] = {
                "dtype": entry.dtype,
                "shape": list(entry.shape),
                "data_offsets": [entry.start, entry.end],
            }
        left = max((entry.end for entry in source.header.tensors.values()), default=0)
        with atomic.replacing(path) as draft, draft.open("wb") as target:
            target.write(header_bytes(header))
            source.file.seek(source.header.length)
            while left > 0:
                block = source.file.read(min(left, 1 << 20))
                if not block:
                    raise DamagedFile(f"{path} was cut short while it was read; get the file again.")
                target.write(block)
                left -= len(block)
