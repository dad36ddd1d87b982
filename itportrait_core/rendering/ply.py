"""Gaussian splats as the bytes of a PLY file, and back.

Splat viewers take files for scenes whose y axis points down, as reconstructions from photos have it, and turn
them by half a turn about z; the table is written turned, so that heads stand upright there and look where
those of our GLB files look. The header stays short, because common readers look for its end in the first
10,240 bytes: notes follow behind the table, where readers no longer look.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints import plain_json
from ..errors import DamagedFile
from .splat import Splats

SH_ZERO = 0.28209479177387814
"""Value of the constant spherical harmonic: files hold colour as (rgb - 0.5) / this."""
FIELDS = (
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)
"""Columns of the file, in the usual order; without `f_rest`, so colour is the same from all sides."""
PLY_END = b"end_header\n"
"""The last line of the header; the table follows."""
MARK = b"itportrait-notes"
"""The last bytes of a file with notes behind its table; before them stand the JSON text and its length."""
Y_DOWN = "comment y points down"
"""Line of the header of files that are turned; those of version 0.1.0 are not."""
LARGEST = 1 << 30
"""Bytes of a file that is read again."""
LONGEST_HEADER = 1 << 20
"""Bytes of a header that is read again: files of version 0.1.0 hold their notes there, as comments."""
MOST_LINES = 10_000


def ply_bytes(splats: Splats, notes: Mapping[str, str] | None = None, *, y_down: bool = True) -> bytes:
    """The splats as a binary PLY in the usual layout: log scales, logit opacities, colours as harmonics.

    Args:
        splats: what to write.
        notes: texts by name, such as a recipe card as JSON.
        y_down: half a turn about z, as viewers expect; False writes the axes of version 0.1.0.
    """
    turn = splats.centers.new_tensor([-1.0, -1.0, 1.0] if y_down else [1.0, 1.0, 1.0])
    columns = (
        splats.centers * turn,
        splats.normals * turn,
        (splats.colors - 0.5) / SH_ZERO,
        torch.logit(splats.opacities, eps=1e-6)[:, None],
        splats.scales.log(),
        half_turn(splats.rotations) if y_down else splats.rotations,
    )
    table = torch.cat([c.float().cpu() for c in columns], 1)
    header = [
        "ply",
        "format binary_little_endian 1.0",
        *([Y_DOWN] if y_down else []),
        f"element vertex {len(table)}",
        *(f"property float {name}" for name in FIELDS),
    ]
    start = "".join(f"{line}\n" for line in header).encode() + PLY_END
    return start + table.numpy().astype("<f4").tobytes() + _packed_notes(notes or {})


def half_turn(rotations: Tensor) -> Tensor:
    """Quaternions (w, x, y, z) `[K, 4]` followed by half a turn about the z axis: (0, 0, 0, 1) times each."""
    w, x, y, z = rotations.unbind(-1)
    return torch.stack((-z, -y, x, w), -1)


def read_ply(path: str | os.PathLike[str]) -> tuple[dict[str, str], bytes, bool]:
    """Notes and table of a PLY file that `ply_bytes` has written, and whether its y axis points down.

    Raises:
        DamagedFile: for a damaged file.
    """
    if Path(path).stat().st_size > LARGEST:
        raise DamagedFile(f"{path} is damaged: it is larger than any file of splats.")
    data = Path(path).read_bytes()
    end = data.find(PLY_END, 0, LONGEST_HEADER)
    lines = data[: max(end, 0)].decode("ascii", "replace").split("\n")
    if end < 0 or len(lines) > MOST_LINES:
        raise DamagedFile(f"{path} is damaged (its header does not end); get the file again.")
    table, notes = _split_notes(data[end + len(PLY_END) :], str(path))
    return notes or _comments(lines), table, Y_DOWN in lines


def _comments(lines: list[str]) -> dict[str, str]:
    """Notes as version 0.1.0 wrote them: `comment NAME TEXT`, a long text on several lines of the same
    name."""
    parts: dict[str, list[str]] = {}
    for line in lines:
        word, _, comment = line.partition(" ")
        name, _, text = comment.partition(" ")
        if word == "comment" and line != Y_DOWN:
            parts.setdefault(name, []).append(text)
    return {name: "".join(texts) for name, texts in parts.items()}


def _packed_notes(notes: Mapping[str, str]) -> bytes:
    if not notes:
        return b""
    text = json.dumps(dict(notes), separators=(",", ":")).encode()
    return text + struct.pack("<Q", len(text)) + MARK


def _split_notes(data: bytes, where: str) -> tuple[bytes, dict[str, str]]:
    if not data.endswith(MARK) or len(data) < len(MARK) + 8:
        return data, {}
    (size,) = struct.unpack_from("<Q", data, len(data) - len(MARK) - 8)
    start = len(data) - len(MARK) - 8 - size
    if start < 0:
        raise DamagedFile(f"{where} is damaged (its notes are cut off); get the file again.")
    notes = plain_json.parse_object(data[start : start + size], f"The notes of {where}")
    return data[:start], {name: text for name, text in notes.items() if isinstance(text, str)}
