"""Notes inside files: PNG text chunks, glTF extras, safetensors headers, PLY comments, under the same names.

ComfyUI's editor rebuilds a workflow from the notes `workflow` and `prompt` of the first three when such a
file is dropped on it; it does not open PLY files.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ITPortraitError
from ..rendering.splat import PLY_END

KEY = "itportrait_recipe"
"""Name of the note that holds the card."""
LARGEST_HEADER = 64 << 20
"""Bytes of JSON in a GLB or safetensors file, or of a PLY header, beyond which it is refused."""


def png_bytes(pixels: Tensor, notes: Mapping[str, str]) -> bytes:
    """A PNG file of pixels `[H, W, 3]` uint8."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    for name, text in notes.items():
        info.add_text(name, text)
    file = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(file, "PNG", pnginfo=info, compress_level=4)
    return file.getvalue()


def png_pixels(path: Path) -> Tensor:
    """The pixels `[H, W, 3]` uint8 of a PNG.

    Raises:
        ITPortraitError: for a damaged file.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as opened:
            return torch.from_numpy(np.asarray(opened.convert("RGB")).copy())
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise _damaged(path, error) from error


def read_notes(path: Path) -> dict[str, str]:
    """The notes of a PNG, GLB, PLY or safetensors file; the kind is told by the content, not by the name.

    Raises:
        ITPortraitError: for a missing or damaged file, or one of another kind.
    """
    if not path.is_file():
        raise ITPortraitError(f"There is no file {path}; check the name.")
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start == b"\x89PNG\r\n\x1a\n":
            return _png_notes(path)
        if start[:4] == b"glTF":
            extras = read_glb(path)[0].get("asset", {}).get("extras") or {}
            return {name: text for name, text in extras.items() if isinstance(text, str)}
        if start[:4] == b"ply\n":
            return read_ply(path)[0]
        if path.suffix.lower() == ".safetensors":
            header = _safetensors_header(path)[0].get("__metadata__") or {}
            return {name: text for name, text in header.items() if isinstance(text, str)}
    except (OSError, ValueError, AttributeError, struct.error, RecursionError) as error:
        raise _damaged(path, error) from error
    raise ITPortraitError(
        f"{path} is no PNG, GLB, PLY or safetensors file; those are the ones that carry recipes."
    )


def read_glb(path: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and binary part of a GLB file.

    Raises:
        ITPortraitError: for a damaged file.
    """
    data = path.read_bytes()
    try:
        magic, version, length = struct.unpack_from("<4sII", data)
        size, kind = struct.unpack_from("<I4s", data, 12)
        if (magic, version, kind) != (b"glTF", 2, b"JSON") or length > len(data) or 20 + size > length:
            raise ValueError("its header does not fit its length")
        document = json.loads(data[20 : 20 + size])
        extent, second = struct.unpack_from("<I4s", data, 20 + size)
        if second != b"BIN\0" or 28 + size + extent > length:
            raise ValueError("its binary part is cut off")
        if not isinstance(document, dict):
            raise ValueError("its JSON is no object")
    except (struct.error, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    return document, data[28 + size : 28 + size + extent]


def read_ply(path: Path) -> tuple[dict[str, str], bytes]:
    """Notes and table of a PLY file whose comments are as `rendering.splat.comment_lines` writes them.

    Raises:
        ITPortraitError: for a damaged file.
    """
    data = path.read_bytes()
    end = data.find(PLY_END, 0, LARGEST_HEADER)
    if end < 0:
        raise _damaged(path, "its header does not end")
    notes: dict[str, str] = {}
    for line in data[:end].decode("ascii", "replace").split("\n"):
        word, _, comment = line.partition(" ")
        if word == "comment":
            name, _, text = comment.partition(" ")
            notes[name] = notes.get(name, "") + text
    return notes, data[end + len(PLY_END) :]


def attach(path: Path, notes: Mapping[str, str]) -> None:
    """Put notes into the header of a safetensors file; its tensors stay byte for byte.

    Raises:
        ITPortraitError: for a damaged file, or when it cannot be written.
    """
    header, start = _safetensors_header(path)
    all_notes = {**(header.get("__metadata__") or {}), **notes}
    header["__metadata__"] = dict(sorted(all_notes.items()))  # safetensors writes them in any order
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with drafted(path) as draft, path.open("rb") as source, draft.open("wb") as target:
        source.seek(start)
        target.write(struct.pack("<Q", len(text)) + text)
        shutil.copyfileobj(source, target, 1 << 20)


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A neighbour to write to, which takes the place of `path` at the end; nothing is left when it fails.

    Raises:
        ITPortraitError: when the folder or the disk refuses.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise ITPortraitError(
            f"Could not write {path}: {error}. Check that the folder is writable and the disk is not full."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _png_notes(path: Path) -> dict[str, str]:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as opened:
            opened.load()
            return {name: str(text) for name, text in opened.text.items()}  # type: ignore[attr-defined]
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise _damaged(path, error) from error


def _safetensors_header(path: Path) -> tuple[dict[str, Any], int]:
    """The JSON header, and where the tensors begin."""
    with path.open("rb") as file:
        start = file.read(8)
        size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= size <= min(LARGEST_HEADER, path.stat().st_size - 8):
            raise _damaged(path, f"its header claims {size} bytes")
        header = json.loads(file.read(size))
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no object")
    return header, 8 + size


def _damaged(path: Path, why: object) -> ITPortraitError:
    return ITPortraitError(f"{path} is damaged ({why}); get the file again.")
