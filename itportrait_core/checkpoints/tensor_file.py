"""Reading and writing safetensors files: atomic writes, memory-mapped reads, readable errors."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import ITPortraitError


def write_tensors(
    tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str], metadata: Mapping[str, str]
) -> Path:
    """Write a safetensors file atomically: a temporary neighbour, then a rename.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        temporary.touch()
        usual = temporary.stat().st_mode  # safetensors makes files that nobody else may read
        save_file(dict(tensors), temporary, metadata=dict(metadata))
        temporary.chmod(usual)
        os.replace(temporary, path)
        temporary = None
    except (OSError, SafetensorError) as error:
        raise ITPortraitError(
            f"Could not write {path}: {error}. Check that the folder is writable and the disk is not full."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def open_tensors(path: str | os.PathLike[str]) -> safe_open:
    """Open a safetensors file, memory-mapped; use it as a context manager.

    Raises:
        ITPortraitError: when the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise ITPortraitError(
            f"There is no file {path}; check the name, or get the weights as README, "
            "section Bring your own weights, says."
        )
    try:
        return safe_open(os.fspath(path), framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise ITPortraitError(f"{path} is damaged or no safetensors file ({error}); get it again.") from error
