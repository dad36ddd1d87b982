"""Small safetensors files of the methods: portraits, resume points, style deltas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ...checkpoints import plain_json, tensor_file
from ...errors import DamagedFile, ITPortraitError

HEADER_KEY = "itportrait"


def write_tensors(path: str | Path, kind: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
    """Write tensors and JSON facts atomically: the whole new file is there, or the old one is untouched.

    Raises:
        ITPortraitError: if the disk is full or the folder cannot be written.
    """
    header = {HEADER_KEY: json.dumps({"kind": kind, "version": "1", "facts": facts})}
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return tensor_file.write_tensors(flat, path, header)


def read_tensors(path: str | Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a file made by `write_tensors`.

    Raises:
        ITPortraitError: for a missing or damaged file, or one of another kind.
    """
    with tensor_file.open_tensors(path) as file:
        note = file.metadata().get(HEADER_KEY, "{}")
        header = plain_json.parse_object(note, f"The header of {path}", finite=kind != "resume")
        if header.get("kind") != kind:
            raise ITPortraitError(f"{path} is not a {kind} file; choose one that this pack wrote.")
        if header.get("version") != "1" or not isinstance(header.get("facts"), dict):
            raise DamagedFile(f"{path} is damaged, or of a later version; make the file again.")
        return file.tensors(finite=kind != "resume"), header["facts"]
