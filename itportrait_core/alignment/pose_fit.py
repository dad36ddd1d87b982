"""Head pose from face points without a trained pose network: a weak-perspective fit of a standard face.

The picture of a far camera is nearly a scaled orthographic one: an affine map from the standard face to the
picture, whose rows, made orthonormal, are the camera's right and up axes
(docs/alignment.md#pose-from-landmarks).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .frame import DEEP3D_POINTS, PortraitFrame, five_points
from .landmarks import Face
from .standard_face import load, pose_terms, standard_face

FIVE_PITCH_OFFSET = 5.3
"""Degrees that the fit of five points reads too high, measured on rendered heads
(benchmarks/standard_face.py). The 468 points need none: they were located with known cameras."""
MAX_TURN = math.radians(10.0)
"""Largest turn that `refine` makes: no picture may be read far away from its plain fit."""


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
    points = five_points(face.points) if face.mesh is None else face.mesh[:, :2]
    points = points if frame is None else frame.portrait.to_unit(points)
    if face.mesh is None:
        return fit_pose(points, torch.tensor(DEEP3D_POINTS), pitch_offset=FIVE_PITCH_OFFSET)
    return refine(fit_pose(points, standard_face()), points)


def refine(fit: PoseFit, points: Tensor) -> PoseFit:
    """Turn a fit of the 468 points by what its residual says.

    A face is not the standard face, and the points of its far side are guessed. Both leave a pattern in the
    residual, which was learned together with the error of the pose on rendered heads.

    Args:
        fit: fit of the standard face to `points`.
        points: `[468, 2]`, y down.
    """
    face, (level, upright, residual) = load(), leveled_residual(fit, points)
    yaw, pitch = yaw_and_pitch(upright)
    turn = residual @ (face.by_residual[0] + yaw * face.by_residual[1])
    turn = turn + pose_terms(yaw, pitch) @ face.by_pose
    turn = turn * (MAX_TURN / turn.norm().clamp_min(MAX_TURN))
    return replace(fit, rotation=level.T @ turned(turn) @ upright)


def leveled_residual(fit: PoseFit, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the points miss the standard face, seen without roll.

    Returns:
        The turn `[3, 3]` of the picture that levels the view, the axes of the levelled view `[3, 3]`, and the
        residual in sizes of the face `[936]`: x and y of each point, y up.
    """
    rotation, model = fit.rotation, standard_face() - standard_face().mean(0)
    roll = torch.atan2(rotation[0, 1], rotation[1, 1])
    level = turned(torch.stack((torch.zeros_like(roll), torch.zeros_like(roll), roll)))
    upright = level @ rotation
    flat = points.double() * torch.tensor([1.0, -1.0], dtype=torch.float64)
    target = (flat - flat.mean(0)) @ level[:2, :2].T / fit.scale
    return level, upright, (target - model @ upright[:2].T).flatten()


def yaw_and_pitch(rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Of camera axes `[..., 3, 3]`, radians."""
    backward = rotation[..., 2, :].clamp(-1.0, 1.0)
    return backward[..., 0].asin(), backward[..., 1].asin()


def turned(vector: Tensor) -> Tensor:
    """The rotation `[..., 3, 3]` about a vector `[..., 3]` by its length in radians."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1)
    return torch.linalg.matrix_exp(rows.unflatten(-1, (3, 3)))


def _tilted(rotation: Tensor, degrees: float) -> Tensor:
    """Camera axes after the head model is tilted about its own x axis: the camera sinks by `degrees`."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    x, y, z = rotation.unbind(1)
    return torch.stack((x, y * angle.cos() - z * angle.sin(), y * angle.sin() + z * angle.cos()), 1)
