"""Rotations: from directions, angles, vectors and back, as matrices and quaternions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def look_rotation(position: Tensor, target: Tensor) -> Tensor:
    """Axes `[N, 3, 3]` (right, down, forward) of cameras at `position [N, 3]` aimed at `target [3]`."""
    forward = F.normalize(target - position, dim=-1)
    right, down = level_axes(forward)
    return torch.stack((right, down, forward), -1)


def level_axes(forward: Tensor) -> tuple[Tensor, Tensor]:
    """Right and down of a camera without roll that looks along the unit vectors `forward [N, 3]`."""
    up = forward.new_tensor([0.0, 1.0, 0.0]).expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=-1)
    return right, torch.linalg.cross(forward, right)


def roll_rotation(angle: Tensor) -> Tensor:
    """Turns `[N, 3, 3]` about the z axis by angles `[N]`, radians."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack((cos, -sin, zero, sin, cos, zero, zero, zero, one), -1).reshape(-1, 3, 3)


def euler_zyx(angle: Tensor) -> Tensor:
    """`Rz @ Ry @ Rx` `[N, 3, 3]` of angles (x, y, z) in radians `[N, 3]`."""
    (cx, cy, cz), (sx, sy, sz) = angle.cos().unbind(-1), angle.sin().unbind(-1)
    rows = (
        *(cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        *(sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        *(-sy, cy * sx, cy * cx),
    )
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def skew(v: Tensor) -> Tensor:
    """The cross-product matrices [N, 3, 3] of vectors [N, 3]."""
    x, y, z = v.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(-1, 3, 3)


def rotation_to(normals: Tensor) -> Tensor:
    """Quaternions (w, x, y, z) `[K, 4]` of the shortest turns from the z axis to `normals [K, 3]`."""
    x, y, z = normals.unbind(-1)
    turn = torch.stack((1.0 + z, -y, x, torch.zeros_like(x)), -1)
    opposite = turn.new_tensor([0.0, 1.0, 0.0, 0.0])
    return torch.where(turn.norm(dim=-1, keepdim=True) < 1e-6, opposite, F.normalize(turn, dim=-1))


def quaternion(rotation: Tensor) -> Tensor:
    """Unit quaternion (x, y, z, w), w >= 0, of a rotation `[3, 3]`.

    It is the eigenvector of Bar-Itzhack's symmetric matrix with the largest eigenvalue: no case is singular.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    symmetric = torch.tensor(
        [
            [a - e - i, b + d, c + g, h - f],
            [b + d, e - a - i, f + h, c - g],
            [c + g, f + h, i - a - e, d - b],
            [h - f, c - g, d - b, a + e + i],
        ],
        dtype=torch.float64,
    )
    q = torch.linalg.eigh(symmetric).eigenvectors[:, -1]
    return -q if float(q[3]) < 0 else q
