"""Two readers of splat files, written after the rules of public ones: what they look at, and nothing else.

* `web_reader`: small viewers in one page (antimatter15/splat and what is built on it, Babylon.js). They
  decode the first 10,240 bytes, want `end_header` and a newline in there, take the number of vertices from
  `element vertex N`, and find columns by adding up sizes of `property TYPE NAME` lines.
* `engine_reader`: PlayCanvas and its editor SuperSplat. They want `ply` and a newline as first bytes, know
  the words ply, format, comment, element and property, refuse any other, take little-endian binary alone,
  skip comments, want the columns below, and turn what they read by half a turn about z.
"""

from __future__ import annotations

import numpy as np

TYPES = {"float": "<f4", "double": "<f8", "int": "<i4", "uint": "<u4", "short": "<i2", "ushort": "<u2",
         "char": "<i1", "uchar": "<u1"}  # fmt: skip
END = b"end_header\n"
WEB_HEADER = 10_240
"""Bytes that the small viewers decode."""
ENGINE_HEADER = 128 << 10
"""Bytes after which the engine gives up."""
WANTED = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)
HARMONIC = 0.28209479177387814

Table = dict[str, np.ndarray]


def web_reader(data: bytes) -> Table:
    """Columns as the small viewers use them: centres, scales, colours and opacities in 0..255, rotations in
    bytes around 128."""
    end = data[:WEB_HEADER].index(END)
    lines = data[:end].decode("utf-8").split("\n")
    count = next(int(line.split(" ")[2]) for line in lines if line.startswith("element vertex "))
    columns = [line.split(" ")[1:] for line in lines if line.startswith("property ")]
    row = np.dtype([(name, TYPES[kind]) for kind, name in columns])
    table = np.frombuffer(data, row, count, end + len(END))
    turn = np.stack([table[f"rot_{axis}"] for axis in range(4)], 1)
    turn = turn / np.linalg.norm(turn, axis=1, keepdims=True)
    out = {name: table[name] for name in ("x", "y", "z")}
    out |= {f"scale_{axis}": np.exp(table[f"scale_{axis}"]) for axis in range(3)}
    out |= {f"rot_{axis}": np.clip(turn[:, axis] * 128 + 128, 0, 255) for axis in range(4)}
    out |= {f"colour_{i}": np.clip((0.5 + HARMONIC * table[f"f_dc_{i}"]) * 255, 0, 255) for i in range(3)}
    return out | {"opacity": 255 / (1 + np.exp(-table["opacity"]))}


def engine_reader(data: bytes) -> Table:
    """Columns as stored, centres turned to where the engine shows them: y up."""
    assert data[:4] == b"ply\n"
    end = data[:ENGINE_HEADER].index(b"\n" + END) + 1
    count, columns = 0, []
    for line in data[4:end].decode("ascii").split("\n")[:-1]:
        word, *rest = line.split(" ")
        if word == "format":
            assert rest == ["binary_little_endian", "1.0"]
        elif word == "element":
            assert not columns and rest[0] == "vertex"
            count = int(rest[1])
        elif word == "property":
            columns.append((rest[1], TYPES[rest[0]]))
        else:
            assert word == "comment", word
    table = np.frombuffer(data, np.dtype(columns), count, end + len(END))
    assert set(WANTED) <= set(table.dtype.names or ())
    turned = {"x": -table["x"], "y": -table["y"]}
    return {name: turned.get(name, table[name]) for name, _ in columns}
