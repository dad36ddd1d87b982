"""Locate the standard face and learn how its fit errs: `python -m benchmarks.locate_face`.

The 468 points are located in space from pictures of our own rendered heads with known cameras, so that no
one's face model is copied. What the residual of a fit says about the error of the pose is learned from the
same pictures and their mirror images, by ridge regression on the residual's main components.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.standard_face import seen_heads
from itportrait_core.alignment import pose_fit, standard_face
from itportrait_core.rendering import cameras

COMPONENTS = 20
"""Main components of the residual that are read."""
RIDGE = 0.01
"""Weight of the regression's penalty, per head, for terms of unit spread."""
OUTLIER = 0.3
"""Fits that miss by more than this many radians teach nothing: the detector failed there."""


def locate(points: Tensor, labels: Tensor, rounds: int = 30) -> Tensor:
    """The mean face `[468, 3]` in space: alternates between it and the scale and place of each view.

    Args:
        points: `[n, 468, 2]`, y down.
        labels: their cameras `[n, 25]`.
        rounds: alternations.
    """
    rows = axes_of(labels)[:, :2] * torch.tensor([[1.0], [-1.0]]).double()  # right and down
    target = points - points.mean(1, keepdim=True)
    scale = target.flatten(1).norm(dim=1) / target.flatten(1).norm(dim=1).mean()
    for _ in range(rounds):
        unit = (target / scale[:, None, None]).permute(0, 2, 1).reshape(-1, target.shape[1])
        face = torch.linalg.lstsq(rows.reshape(-1, 3), unit).solution.T
        face = face - face.mean(0)
        flat = face @ rows.transpose(1, 2)
        scale = (flat * target).sum((1, 2)) / flat.square().sum((1, 2))
        scale = scale / scale.mean()
    return face / face.square().sum(1).mean().sqrt()


def pairs(face: Tensor) -> Tensor:
    """`[468]`: each point's partner on the other side, so that all pairs together lie nearest."""
    from scipy.optimize import linear_sum_assignment

    away = torch.cdist(face, face * face.new_tensor([-1.0, 1.0, 1.0])).square()
    return torch.from_numpy(linear_sum_assignment(away.numpy())[1])


def mirrored(points: Tensor, labels: Tensor, mirror: Tensor) -> tuple[Tensor, Tensor]:
    """The same heads and cameras in a mirror; points as in `locate`, about any line."""
    yaw, pitch, roll = cameras.angles(labels.double())
    return points[:, mirror] * torch.tensor([-1.0, 1.0]).double(), cameras.orbit(-yaw, pitch, -roll)


def learn(points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What `StandardFace` holds as `by_residual` and `by_pose`; arguments as in `locate`."""
    fits = [pose_fit.fit_pose(p, standard_face.standard_face()) for p in points]
    views = [pose_fit.leveled_residual(fit, p) for fit, p in zip(fits, points, strict=True)]
    level, upright, residual = (torch.stack(part) for part in zip(*views, strict=True))
    miss = level @ axes_of(labels) @ upright.transpose(1, 2)
    error = rotation_vector(miss)
    good = error.norm(dim=1) < OUTLIER
    upright, residual, error = upright[good], residual[good], error[good]
    yaw, pitch = pose_fit.yaw_and_pitch(upright)
    basis = torch.linalg.svd(residual, full_matrices=False)[2][:COMPONENTS].T
    seen = residual @ basis
    terms = torch.cat((seen, seen * yaw[:, None], standard_face.pose_terms(yaw, pitch)), 1)
    spread = terms.std(0)
    spread[2 * COMPONENTS] = 1.0  # the constant
    unit = terms / spread
    penalty = RIDGE * len(unit) * torch.eye(unit.shape[1]).double()
    weights = torch.linalg.solve(unit.T @ unit + penalty, unit.T @ error) / spread[:, None]
    first, second = weights[:COMPONENTS], weights[COMPONENTS : 2 * COMPONENTS]
    return torch.stack((basis @ first, basis @ second)), weights[2 * COMPONENTS :].contiguous()


def axes_of(labels: Tensor) -> Tensor:
    """Right, up and backward axes `[n, 3, 3]` of cameras, as rows."""
    axes = cameras.cam2world(labels.double())[:, :3, :3].transpose(1, 2)
    return axes * torch.tensor([1.0, -1.0, -1.0])[:, None].double()


def rotation_vector(rotation: Tensor) -> Tensor:
    """Axis times angle of `[n, 3, 3]`, radians; angles under a half turn."""
    angle = ((rotation.diagonal(dim1=1, dim2=2).sum(1) - 1.0) / 2.0).clamp(-1.0, 1.0).acos()
    odd = (rotation - rotation.transpose(1, 2)) / 2.0
    vector = torch.stack((odd[:, 2, 1], odd[:, 0, 2], odd[:, 1, 0]), 1)
    return vector * (angle / angle.sin().clamp_min(1e-9))[:, None]


def write(path: Path, points: Tensor, labels: Tensor) -> None:
    """Locate, learn and store."""
    from safetensors.torch import save_file

    face = locate(points, labels)
    mirror = pairs(face)
    both = [torch.cat(pair) for pair in zip((points, labels), mirrored(points, labels, mirror), strict=True)]
    face = (face + face[mirror] * face.new_tensor([-1.0, 1.0, 1.0])) / 2.0
    stored = {"points": face.float(), "mirror": mirror.int()}
    start = {"by_residual": torch.zeros(2, 936, 3), "by_pose": torch.zeros(6, 3)}
    save_file(stored | start, path)
    standard_face.load.cache_clear()
    by_residual, by_pose = learn(*both)
    save_file(stored | {"by_residual": by_residual.float(), "by_pose": by_pose.float()}, path)
    standard_face.load.cache_clear()


def main() -> None:
    """Render, detect, locate, learn, write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--heads", type=int, default=400)
    given = options.parse_args()
    write(standard_face.FILE, *seen_heads(given.heads, seed=1))


if __name__ == "__main__":
    main()
