"""The standard face: the 468 points of MediaPipe's face mesh in space, and what was learned about their fit.

Located and learned from pictures of our own rendered heads by `benchmarks/locate_face.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load as from_bytes
from torch import Tensor

FILE = Path(__file__).with_name("standard_face.safetensors")


@dataclass(frozen=True)
class StandardFace:
    """What the file holds, float64 but for the indices."""

    points: Tensor
    """`[468, 3]`: x to the right, y up, z to the viewer; of unit size about their mean."""
    mirror: Tensor
    """`[468]`: index of each point's partner on the other side."""
    by_residual: Tensor
    """`[2, 936, 3]`: turn of the camera per residual of the fit, and its growth per radian of yaw."""
    by_pose: Tensor
    """`[6, 3]`: turn of the camera per `pose_terms`."""


@cache
def load() -> StandardFace:
    """The stored face."""
    stored = from_bytes(FILE.read_bytes())
    mirror = stored.pop("mirror").long()
    return StandardFace(mirror=mirror, **{name: value.double() for name, value in stored.items()})


def standard_face() -> Tensor:
    """The points alone, `[468, 3]`."""
    return load().points


def pose_terms(yaw: Tensor, pitch: Tensor) -> Tensor:
    """`[..., 6]` of angles `[...]` in radians: what a fit's systematic error is a sum of."""
    return torch.stack((torch.ones_like(yaw), yaw, pitch, yaw * pitch, yaw**2, yaw**3), -1)
