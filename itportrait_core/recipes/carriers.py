"""Notes inside files, under the same names: PNG text chunks, glTF extras, safetensors headers, and a block
behind the table of a PLY file.

ComfyUI's editor rebuilds a workflow from the notes `workflow` and `prompt` of the first three when such a
file is dropped on it; it does not open PLY files. Reading costs little, whatever the file claims: a PNG's
pixels are not decoded for its notes, texts are unpacked up to a limit, JSON is bounded in size and depth.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checkpoints import plain_json
from ..checkpoints.tensor_file import attach, open_tensors
from ..errors import DamagedFile, ITPortraitError
from ..rendering.ply import read_ply

__all__ = ["KEY", "attach", "png_bytes", "png_pixels", "read_glb", "read_notes", "read_ply"]

KEY = "itportrait_recipe"
"""Name of the note that holds the card."""
MOST_PIXELS = 4096 * 4096
"""Pixels of a picture beyond which it is not decoded; generators draw a sixteenth of that."""
MOST_CHUNKS = 100_000
"""Parts of a PNG file."""
LARGEST_GLB = 1 << 30
"""Bytes of a mesh file."""


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
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError(f"{opened.width} x {opened.height} pixels are more than any render has")
            return torch.from_numpy(np.asarray(opened.convert("RGB")).copy())
    except (
        *(OSError, ValueError, SyntaxError, struct.error, zlib.error),
        Image.DecompressionBombError,
    ) as error:
        raise _damaged(path, error) from error


def read_notes(path: Path) -> dict[str, str]:
    """The notes of a PNG, GLB, PLY or safetensors file; the kind is told by the content, not by the name.

    Raises:
        ITPortraitError: for a missing or damaged file, or one of another kind.
    """
    if not os.path.isfile(path):
        raise ITPortraitError(f"There is no file {path}; check the name.")
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start == b"\x89PNG\r\n\x1a\n":
            return _png_notes(path)
        if start[:4] == b"glTF":
            return _texts(_extras(read_glb(path)[0]))
        if start[:4] == b"ply\n":
            return read_ply(path)[0]
        if path.suffix.lower() == ".safetensors":
            with open_tensors(path) as opened:
                return opened.metadata()
    except ITPortraitError:
        raise
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise _damaged(path, error) from error
    raise ITPortraitError(
        f"{path} is no PNG, GLB, PLY or safetensors file; those are the ones that carry recipes."
    )


def read_glb(path: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and binary part of a GLB file.

    Raises:
        ITPortraitError: for a damaged file.
    """
    if path.stat().st_size > LARGEST_GLB:
        raise _damaged(path, f"{path.stat().st_size} bytes are more than any mesh has")
    data = path.read_bytes()
    try:
        magic, version, length = struct.unpack_from("<4sII", data)
        size, kind = struct.unpack_from("<I4s", data, 12)
        if (magic, version, kind) != (b"glTF", 2, b"JSON") or length > len(data) or 20 + size > length:
            raise ValueError("its header does not fit its length")
        document = plain_json.parse_object(data[20 : 20 + size], str(path))
        extent, second = struct.unpack_from("<I4s", data, 20 + size)
        if second != b"BIN\0" or 28 + size + extent > length:
            raise ValueError("its binary part is cut off")
    except ITPortraitError:
        raise
    except (struct.error, ValueError) as error:
        raise _damaged(path, error) from error
    return document, data[28 + size : 28 + size + extent]


def _extras(document: dict[str, Any]) -> object:
    asset = document.get("asset")
    return asset.get("extras") if isinstance(asset, dict) else None


def _texts(notes: object) -> dict[str, str]:
    """The texts among notes."""
    if not isinstance(notes, dict):
        return {}
    return {name: text for name, text in notes.items() if isinstance(text, str)}


def _png_notes(path: Path) -> dict[str, str]:
    """The text chunks of a PNG; pixels are passed over, and texts unpacked only as far as notes are long."""
    notes: dict[str, str] = {}
    room = plain_json.LONGEST
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(8)
        for _ in range(MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                raise _damaged(path, "it ends before its last part")
            length, kind = struct.unpack(">I4s", head)
            if file.tell() + length + 4 > size:
                raise _damaged(path, "a part is longer than the file")
            if kind in _TEXT_CHUNKS and length <= room:
                name, text = _TEXT_CHUNKS[kind](file.read(length), room)
                room -= length + len(text)
                notes[name] = text
                file.seek(4, io.SEEK_CUR)
            else:
                file.seek(length + 4, io.SEEK_CUR)
            if room < 0:
                raise _damaged(path, "its notes are too long")
            if kind == b"IEND":
                return notes
    raise _damaged(path, "it has too many parts")


def _plain_text(data: bytes, room: int) -> tuple[str, str]:
    name, _, text = data.partition(b"\0")
    return name.decode("latin-1"), text.decode("latin-1")


def _packed_text(data: bytes, room: int) -> tuple[str, str]:
    name, _, packed = data.partition(b"\0")
    return name.decode("latin-1"), _unpacked(packed[1:], room).decode("latin-1")


def _international_text(data: bytes, room: int) -> tuple[str, str]:
    name, _, rest = data.partition(b"\0")
    packed = rest[:1] == b"\1"
    _, _, rest = rest[2:].partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return name.decode("latin-1"), (_unpacked(text, room) if packed else text).decode("utf-8")


def _unpacked(data: bytes, room: int) -> bytes:
    worker = zlib.decompressobj()
    text = worker.decompress(data, room + 1)
    if len(text) > room:
        raise ValueError("a note is too long")
    return text


_TEXT_CHUNKS = {b"tEXt": _plain_text, b"zTXt": _packed_text, b"iTXt": _international_text}


def _damaged(path: Path, why: object) -> DamagedFile:
    return DamagedFile(f"{path} is damaged ({why}); get the file again.")
