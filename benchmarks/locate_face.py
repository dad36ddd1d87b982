"""Locate the standard face and learn how its fit errs: `python -m benchmarks.locate_face`.

The 468 points are located in space from pictures of our own rendered heads with known cameras, so that no
one's face model is copied. What the residual of a fit says about the error of the pose is learned from the
same pictures and their mirror images, by ridge regression on the residual's main components; then what is
left of the error, from the sets `LEARNED` of `landmark_pose.py`: grins, open mouths, sides, arts.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.landmark_pose import LEARNED, HeadSet, seen
from itportrait_core.alignment import pose_fit, standard_face
from itportrait_core.rendering import cameras

HEADS = HeadSet(400, 1)
"""What the face is located with."""
OUTLIER = 0.35
"""Fits that miss by more than this many radians teach nothing: the detector failed there."""
LONGEST = 0.98
"""Quantile of the residuals' lengths that longer ones are shortened to."""


@dataclass(frozen=True)
class Regression:
    """Main components of the residual that are read, alone and times yaw; the penalty per head for terms of
    unit spread, which the mouth's terms count `mouth` times less; the deviation of the noise that the
    components must bear, in sizes of the face."""

    components: int
    by_yaw: int
    ridge: float
    mouth: float = 1.0
    noise: float = 0.0


POSE_RIDGE = 0.2
"""Largest penalty of terms of the pose alone."""
FIRST = Regression(20, 20, 0.01)
PITCH = Regression(100, 40, 0.2, mouth=4.0, noise=0.001)
YAW_AND_ROLL = Regression(100, 40, 1.0, mouth=4.0, noise=0.01)
"""Of these the first regression leaves less, up to 45 degrees, so a stronger penalty keeps it."""
GRINS = 3
"""How often the few frontal grins count."""


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


def learn(points: Tensor, labels: Tensor, regression: Regression, start: Tensor) -> dict[str, Tensor]:
    """Everything learned that `StandardFace` holds; arguments as in `locate`.

    Args:
        start: `by_residual` `[2, 936, 3]` to begin with; the error that it leaves is learned and added.
    """
    fits = [pose_fit.fit_pose(p, standard_face.standard_face()) for p in points]
    views = [pose_fit.leveled_residual(fit, p) for fit, p in zip(fits, points, strict=True)]
    level, upright, residual = (torch.stack(part) for part in zip(*views, strict=True))
    yaw, pitch = pose_fit.yaw_and_pitch(upright)
    yaw = yaw.clamp(-pose_fit.MAX_YAW, pose_fit.MAX_YAW)[:, None]
    longest = residual.norm(dim=1).quantile(LONGEST)
    residual = residual * (longest / residual.norm(dim=1, keepdim=True).clamp_min(longest))
    error = rotation_vector(level @ axes_of(labels) @ upright.transpose(1, 2))
    error = error - residual @ start[0] - yaw * (residual @ start[1])
    good = error.norm(dim=1) < OUTLIER
    basis = torch.linalg.svd(residual[good], full_matrices=False)[2][: regression.components].T
    read = residual @ basis
    pose = standard_face.pose_terms(*pose_fit.yaw_and_pitch(upright))
    mouth = standard_face.mouth_terms(residual, pitch)
    terms = torch.cat((pose, mouth, read, read[:, : regression.by_yaw] * yaw), 1)[good]
    spread = terms.std(0)
    spread[0] = 1.0  # the constant
    first = pose.shape[1] + mouth.shape[1]
    spread[pose.shape[1] : first] /= regression.mouth
    penalty = torch.full_like(spread, regression.ridge)
    penalty[: pose.shape[1]] = min(regression.ridge, POSE_RIDGE)
    penalty[first:] += (regression.noise / spread[first:]).square()
    weights = _ridge(terms / spread, error[good], penalty) / spread[:, None]
    by_pose, by_mouth, alone, times_yaw = weights.split((8, 5, read.shape[1], regression.by_yaw))
    by_residual = start + torch.stack((basis @ alone, basis[:, : regression.by_yaw] @ times_yaw))
    return {"longest": longest, "by_pose": by_pose, "by_mouth": by_mouth, "by_residual": by_residual}


def _ridge(terms: Tensor, wanted: Tensor, penalty: Tensor) -> Tensor:
    return torch.linalg.solve(terms.T @ terms + len(terms) * penalty.diag(), terms.T @ wanted)


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


def write(path: Path, heads: tuple[Tensor, Tensor], faces: tuple[Tensor, Tensor]) -> None:
    """Locate and learn from points and cameras of `heads`, learn on from those of `faces`, and store."""
    from safetensors.torch import save_file

    points = locate(*heads)
    mirror = pairs(points)
    points = (points + points[mirror] * points.new_tensor([-1.0, 1.0, 1.0])) / 2.0
    stored = {"points": points.float(), "mirror": mirror.int()}
    zeros = {"longest": torch.ones(()), "by_pose": torch.zeros(8, 3), "by_mouth": torch.zeros(5, 3)}
    start = torch.zeros(2, 936, 3)
    save_file(stored | zeros | {"by_residual": start}, path)
    standard_face.load.cache_clear()
    first = learn(*_with_mirror(heads, mirror), FIRST, start.double())["by_residual"]
    learned, yaw = (learn(*_with_mirror(faces, mirror), way, first) for way in (PITCH, YAW_AND_ROLL))
    for name in ("by_pose", "by_mouth", "by_residual"):
        learned[name][..., 1:] = yaw[name][..., 1:]
    save_file(stored | {name: value.float().contiguous() for name, value in learned.items()}, path)
    standard_face.load.cache_clear()


def _with_mirror(heads: tuple[Tensor, Tensor], mirror: Tensor) -> list[Tensor]:
    return [torch.cat(pair) for pair in zip(heads, mirrored(*heads, mirror), strict=True)]


def main() -> None:
    """Render, detect, locate, learn, write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    sets = [seen(name, wanted) for name, wanted in LEARNED.items()]
    sets += [seen("frontal grins", LEARNED["frontal grins"])] * (GRINS - 1)
    faces = tuple(torch.cat(parts) for parts in zip(*sets, strict=True))
    write(standard_face.FILE, seen("heads", HEADS), faces)


if __name__ == "__main__":
    main()
