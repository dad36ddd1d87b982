"""Iso-surfaces of a grid as closed triangle meshes, in plain torch.

The table of the 256 cases is derived, not listed: on each face of a cell the inside corners are walled off
from the outside, a pair of inside corners across a face being kept apart, always. Two cells thus agree on the
face they share, so the mesh has no cracks.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

CORNERS = tuple((k & 1, k >> 1 & 1, k >> 2 & 1) for k in range(8))
EDGES = tuple((a, a | 1 << axis, axis) for axis in range(3) for a in range(8) if not a >> axis & 1)
MARGIN = 1e-3
"""Vertices keep this distance (in cells) from the grid's points, so that no two of them fall on one spot."""


def marching_cubes(values: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """The surface where `values` crosses `level`, larger values being inside.

    Args:
        values: `[X, Y, Z]`. The surface is open where it leaves the grid.
        level: iso-value.

    Returns:
        Vertices `[V, 3]` float32 in grid indices, and faces `[M, 3]` int64, counter-clockwise seen from
        outside.
    """
    inside = values > level
    nx, ny, nz = values.shape
    case = torch.zeros((nx - 1, ny - 1, nz - 1), dtype=torch.uint8, device=values.device)
    for n, (i, j, k) in enumerate(CORNERS):
        part = inside[i : nx - 1 + i, j : ny - 1 + j, k : nz - 1 + k]
        case |= part.to(torch.uint8) << n
    cells = ((case > 0) & (case < 255)).nonzero()
    triangles = _table().to(values.device)[
        case[tuple(cells.unbind(1))].long()
    ]  # [C, T, 3] edges, -1 for none
    cell, slot = (triangles[:, :, 0] >= 0).nonzero(as_tuple=True)
    edges = torch.tensor([(*CORNERS[a], axis) for a, _, axis in EDGES], device=values.device)[
        triangles[cell, slot]
    ]
    start = cells[cell][:, None] + edges[:, :, :3]
    key = ((start[..., 0] * ny + start[..., 1]) * nz + start[..., 2]) * 3 + edges[..., 3]
    used, faces = key.unique(return_inverse=True)
    return _vertices(values, used, level), faces


def _vertices(values: Tensor, used: Tensor, level: float) -> Tensor:
    """Where the surface crosses the grid edges `used [V]` (index of the lower end times 3 plus axis)."""
    _, ny, nz = values.shape
    axis, flat = used % 3, used // 3
    stride = torch.tensor([ny * nz, nz, 1], device=values.device)[axis]
    low, high = values.reshape(-1)[flat], values.reshape(-1)[flat + stride]
    along = ((level - low) / (high - low)).clamp(MARGIN, 1.0 - MARGIN)
    place = torch.stack((flat // (ny * nz), flat // nz % ny, flat % nz), 1).to(torch.float32)
    return place + torch.nn.functional.one_hot(axis, 3) * along[:, None].to(torch.float32)


@cache
def _table() -> Tensor:
    """Triangles of each case as edge numbers, `[256, T, 3]`, padded with -1."""
    cases = [[t for loop in _loops(case) for t in _triangles(loop)] for case in range(256)]
    table = torch.full((256, max(map(len, cases)), 3), -1)
    for row, triangles in zip(table, cases, strict=True):
        if triangles:
            row[: len(triangles)] = torch.tensor(triangles)
    return table


def _loops(case: int) -> list[list[int]]:
    """Closed rings of edge numbers around the inside corners of a case."""
    follow: dict[int, int] = {}
    for ring in _face_rings():
        inside = [case >> corner & 1 for corner in ring]
        for k in range(4):
            if inside[k] and not inside[k - 1]:  # a run of inside corners begins
                end = next(m for m in range(k + 1, k + 5) if not inside[m % 4])
                follow[_edge(ring[k - 1], ring[k])] = _edge(ring[(end - 1) % 4], ring[end % 4])
    loops = []
    while follow:
        first, step = follow.popitem()
        loop = [first]
        while step != first:
            loop.append(step)
            step = follow.pop(step)
        loops.append(loop)
    return loops


def _face_rings() -> list[list[int]]:
    """Corners of the six faces, counter-clockwise seen from outside."""
    rings = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        rings.append([1 << axis, 1 << axis | u, 1 << axis | u | v, 1 << axis | v])
        rings.append([0, v, u | v, u])
    return rings


def _edge(a: int, b: int) -> int:
    return next(n for n, (low, high, _) in enumerate(EDGES) if {low, high} == {a, b})


def _triangles(loop: list[int]) -> list[tuple[int, int, int]]:
    """The loop cut into triangles, if possible not within a face of the cell: its neighbour may cut there."""
    return min(_cuts(loop), key=lambda cut: sum(_flat(a, b) for t in cut for a, b in pairwise((*t, t[0]))))


def _cuts(loop: list[int]) -> list[list[tuple[int, int, int]]]:
    """Every way to cut a polygon into triangles."""
    if len(loop) < 3:
        return [[]]
    return [
        [(loop[0], loop[k], loop[-1]), *left, *right]
        for k in range(1, len(loop) - 1)
        for left in _cuts(loop[: k + 1])
        for right in _cuts(loop[k:])
    ]


@cache
def _flat(a: int, b: int) -> bool:
    """Whether two edges lie in one face of the cell."""
    corners = [CORNERS[c] for c in (*EDGES[a][:2], *EDGES[b][:2])]
    return any(len({corner[axis] for corner in corners}) == 1 for axis in range(3))
