"""Judge meshes and splats against what their recipe makes, every field by a tolerance of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..networks.generator3d import Generator3D
from ..rendering.glb import glb_bytes, linear_to_srgb
from ..rendering.mesh import MeshConfig, extract_mesh
from ..rendering.ply import FIELDS, PLY_END, SH_ZERO, ply_bytes, read_ply
from ..rendering.splat import SplatConfig, sample_splats
from . import carriers
from .card import Card
from .verdict import CLOSE, DIFFERENT, IDENTICAL, MEAN_GREY, MOST_GREY, Verdict


@dataclass(frozen=True)
class Tolerance:
    """How far the numbers of a field may lie from the recipe's."""

    most: float
    mean: float = math.inf
    unit: str = ""

    def holds(self, most: float, mean: float) -> bool:
        """Whether these differences are small enough; those that are no numbers are not."""
        return most <= self.most and mean <= self.mean

    def describe(self, field: str, most: float, mean: float) -> str:
        """The differences and the tolerance in words."""
        if math.isinf(self.mean):
            return f"{field} differ by {most:.2g}{self.unit} at most (tolerance {self.most:g})"
        return (
            f"{field} differ by {mean:.2g}{self.unit} on average and {most:.2g} at most"
            f" (tolerance {self.mean:g} and {self.most:g})"
        )


# Rounding acts like noise in the planes. On the embedded generator, at resolution 64, noise of 1e-4 of their
# spread shifts vertices by 0.0009 at most, normals by 0.013 and colours by 3 levels; noise of 1e-5 shifts
# opacities by 0.00003. Ten times as much makes other triangles and splats.
TOLERANCES = {
    "places": Tolerance(1e-3, unit=" world units"),  # 0.4 mm on a head
    "normals": Tolerance(0.05),  # components of unit vectors: 3 degrees
    "colours": Tolerance(MOST_GREY, MEAN_GREY, " grey levels"),
    "opacities": Tolerance(2e-3),  # of 1
    "scales": Tolerance(0.01, unit=" in their logarithm"),  # one percent
    "rotations": Tolerance(0.05),  # components of unit quaternions
    "corners of triangles": Tolerance(0.0),
}
"""By field; a mesh's and a splat file's are judged alike."""


def check_mesh(path: Path, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    """Judge a GLB file against the mesh of its card.

    Raises:
        ITPortraitError: for a damaged file, or a card whose settings are impossible.
    """
    binary = carriers.read_glb(path)[1]
    mesh = extract_mesh(generator, card.tensor("ws"), MeshConfig(**card.settings))
    wanted = _binary_part(glb_bytes(mesh))
    count = len(mesh.vertices)
    made = f"{count} vertices and {len(mesh.faces)} triangles"
    read = partial(_mesh_fields, count=count)
    return _judge(binary, wanted, read, verdict, made, "vertex and triangle")


def check_splats(path: Path, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    """Judge a PLY file against the splats of its card.

    Raises:
        ITPortraitError: for a damaged file, or a card whose settings are impossible.
    """
    _, table, y_down = read_ply(path)
    splats = sample_splats(generator, card.tensor("ws"), SplatConfig(**card.settings))
    wanted = ply_bytes(splats, y_down=y_down).split(PLY_END, 1)[1]
    return _judge(table, wanted, _splat_fields, verdict, f"{len(splats.centers)} splats", "splat")


def _judge(
    file: bytes,
    wanted: bytes,
    read: Callable[[bytes], dict[str, Tensor]],
    verdict: Verdict,
    made: str,
    part: str,
) -> Verdict:
    """Compare a file's numbers with the recipe's; beyond a tolerance, only the fields that are so are named.

    Args:
        read: bytes to fields.
        made: how much the recipe makes, in words.
        part: what it makes, in words.
    """
    if len(file) != len(wanted):
        return verdict.conclude(DIFFERENT, f"the recipe makes {made}, the file has others")
    fields = read(file)
    small: list[str] = []
    large: list[str] = []
    for field, right in read(wanted).items():
        gap = (fields[field] - right).abs()
        gaps = float(gap.max()), float(gap.mean())
        if gaps[0] != 0.0:
            tolerance = TOLERANCES[field]
            (small if tolerance.holds(*gaps) else large).append(tolerance.describe(field, *gaps))
    if large:
        return verdict.conclude(DIFFERENT, "; ".join(large))
    if small:
        return verdict.conclude(CLOSE, "; ".join(small))
    return verdict.conclude(IDENTICAL, f"every {part} is as the recipe makes it")


def _mesh_fields(binary: bytes, count: int) -> dict[str, Tensor]:
    """The parts of `rendering.glb` for `count` vertices, in the units of `TOLERANCES`."""
    places, normals = _numbers(binary, "<f4", 6 * count).reshape(2, count, 3)
    light = _numbers(binary, "<u2", 4 * count, 24 * count).reshape(count, 4) / 65535.0
    return {
        "places": places,
        "normals": normals,
        "colours": linear_to_srgb(light[:, :3]) * 255.0,
        "opacities": light[:, 3],
        "corners of triangles": _numbers(binary, "<u4", -1, 32 * count),
    }


def _splat_fields(table: bytes) -> dict[str, Tensor]:
    """The columns of `rendering.splat.FIELDS`, in the units of `TOLERANCES`."""
    rows = _numbers(table, "<f4", -1).reshape(-1, len(FIELDS))
    places, normals, harmonics, logits, scales, rotations = rows.split((3, 3, 3, 1, 3, 4), 1)
    return {
        "places": places,
        "normals": normals,
        "colours": harmonics * (SH_ZERO * 255.0),
        "opacities": logits.sigmoid(),
        "scales": scales,
        "rotations": rotations,
    }


def _numbers(data: bytes, kind: str, count: int, start: int = 0) -> Tensor:
    """`count` numbers from byte `start` on, all for -1, as float64."""
    return torch.from_numpy(np.frombuffer(data, kind, count, start).astype(np.float64))


def _binary_part(data: bytes) -> bytes:
    """The binary part of a GLB file that was just made."""
    size = int.from_bytes(data[12:16], "little")
    return data[28 + size :]
