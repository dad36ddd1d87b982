"""Head pose from face points without a trained pose network: a weak-perspective fit of a standard face.

The picture of a far camera is nearly a scaled orthographic one: an affine map from the standard face to the
picture, whose rows, made orthonormal, are the camera's right and up axes (spec assets, row 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .frame import DEEP3D_POINTS, PortraitFrame, five_points
from .landmarks import Face

MESH_PITCH_OFFSET = 0.0
"""Degrees that the fit of the 468 points reads too high: none, since they were located with known cameras."""
FIVE_PITCH_OFFSET = 5.3
"""The same for the fit of five points, measured on rendered heads (benchmarks/standard_face.py)."""


@dataclass(frozen=True)
class PoseFit:
    """A camera that sees the standard face where the points are."""

    rotation: Tensor
    """`[3, 3]` float64; rows are the camera's right, up and backward axes in world axes, as
    `cameras.from_axes` takes them."""
    scale: float
    """Pixels (or units of the points) per world unit."""
    residual: float
    """Root mean square miss of the points over the size of the face; above 0.1 the fit means little."""


def fit_pose(points: Tensor, model: Tensor, *, pitch_offset: float = 0.0) -> PoseFit:
    """Fit a weak-perspective camera.

    Args:
        points: `[K, 2]`, y down, any unit; K of at least 4.
        model: the same points of the standard face, `[K, 3]`: x to the right, y up, z to the viewer.
        pitch_offset: degrees that this model reads too high; taken off.

    Raises:
        ITPortraitError: if the points do not span a face.
    """
    flat = points.double() * torch.tensor([1.0, -1.0], dtype=torch.float64)
    model = model.double()
    centred, target = model - model.mean(0), flat - flat.mean(0)
    affine = torch.linalg.lstsq(centred, target).solution.T  # [2, 3]
    u, spread, v = torch.linalg.svd(affine, full_matrices=False)
    if not bool(spread[1] > 1e-3 * spread[0]) or not bool(torch.isfinite(spread).all()):
        raise ITPortraitError("The points lie on a line, so no pose fits them; place them again.")
    right, up = u @ v
    rotation = torch.stack((right, up, torch.linalg.cross(right, up)))
    scale = float(spread.mean())
    miss = scale * centred @ rotation[:2].T - target
    residual = float(miss.square().sum(1).mean().sqrt() / target.square().sum(1).mean().sqrt())
    return PoseFit(_tilted(rotation, pitch_offset), scale, residual)


def estimate_pose(face: Face, frame: PortraitFrame | None = None) -> PoseFit:
    """The pose of a face, from its 468 points where they are known, else from the five.

    Args:
        face: points in picture pixels.
        frame: the pose is given in this frame (upright where the frame is); None for the picture's own axes.
    """
    if face.mesh is None:
        points, model, offset = five_points(face.points), torch.tensor(DEEP3D_POINTS), FIVE_PITCH_OFFSET
    else:
        points, model, offset = face.mesh[:, :2], standard_face(), MESH_PITCH_OFFSET
    return fit_pose(points if frame is None else frame.portrait.to_unit(points), model, pitch_offset=offset)


@cache
def standard_face() -> Tensor:
    """The 468 points of MediaPipe's face mesh in space, `[468, 3]` float64, of unit size about their mean.

    Located from pictures of our own rendered heads by `benchmarks/standard_face.py`.
    """
    from safetensors.torch import load_file

    return load_file(Path(__file__).with_name("standard_face.safetensors"))["points"].double()


def _tilted(rotation: Tensor, degrees: float) -> Tensor:
    """Camera axes after the head model is tilted about its own x axis: the camera sinks by `degrees`."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    x, y, z = rotation.unbind(1)
    return torch.stack((x, y * angle.cos() - z * angle.sin(), y * angle.sin() + z * angle.cos()), 1)
