"""The standard face: the 468 points of MediaPipe's face mesh in space, and what was learned about their fit.

Located and learned from pictures of our own rendered heads by `benchmarks/locate_face.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

FILE = Path(__file__).with_name("standard_face.safetensors")
INNER_LIPS, MOUTH_CORNERS = (13, 14), (61, 291)
"""Mesh points of the upper and lower inner lip, and of the mouth's corners."""
WIDEST_MOUTH = 0.15
"""Largest gap or lift that `mouth_terms` believes, in sizes of the face."""


@dataclass(frozen=True)
class StandardFace:
    """What the file holds, float64 but for the indices."""

    points: Tensor
    """`[468, 3]`: x to the right, y up, z to the viewer; of unit size about their mean."""
    mirror: Tensor
    """`[468]`: index of each point's partner on the other side."""
    longest: Tensor
    """Longest residual `[]` of the heads that were learned from; longer ones are shortened to it."""
    by_residual: Tensor
    """`[2, 936, 3]`: turn of the camera per residual of the fit, and its growth per radian of yaw."""
    by_pose: Tensor
    """`[8, 3]`: turn of the camera per `pose_terms`."""
    by_mouth: Tensor
    """`[5, 3]`: turn of the camera per `mouth_terms`."""


@cache
def load() -> StandardFace:
    """The stored face."""
    from safetensors.torch import load_file

    stored = load_file(FILE)
    mirror = stored.pop("mirror").long()
    return StandardFace(mirror=mirror, **{name: value.double() for name, value in stored.items()})


def standard_face() -> Tensor:
    """The points alone, `[468, 3]`."""
    return load().points


def pose_terms(yaw: Tensor, pitch: Tensor) -> Tensor:
    """`[..., 8]` of angles `[...]` in radians: what a fit's systematic error is a sum of."""
    one = torch.ones_like(yaw)
    return torch.stack((one, yaw, pitch, yaw * pitch, yaw**2, yaw**3, yaw**2 * pitch, pitch**2), -1)


def mouth_terms(residual: Tensor, pitch: Tensor) -> Tensor:
    """`[..., 5]` of residuals `[..., 936]`: how a mouth misleads a fit, beyond what is linear.

    Of how far the lips part and how far the mouth's corners rise above them, in sizes of the face, at most
    `WIDEST_MOUTH`: both squares, their product, and both times the pitch.
    """
    up = residual.unflatten(-1, (468, 2))[..., 1]
    upper, lower = up[..., INNER_LIPS[0]], up[..., INNER_LIPS[1]]
    corners = (up[..., MOUTH_CORNERS[0]] + up[..., MOUTH_CORNERS[1]]) / 2.0
    gap = (upper - lower).clamp(-WIDEST_MOUTH, WIDEST_MOUTH)
    lift = (corners - (upper + lower) / 2.0).clamp(-WIDEST_MOUTH, WIDEST_MOUTH)
    return torch.stack((gap**2, lift**2, gap * lift, gap * pitch, lift * pitch), -1)
