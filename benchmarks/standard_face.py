"""Where the standard face comes from, and how well poses fit: `python -m benchmarks.standard_face`.

The 468 points are located in space from pictures of our own rendered heads with known cameras, so that no
one's face model is copied. Then poses of other heads are estimated and compared with their cameras.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from itportrait_core.alignment.landmarks import detect_faces
from itportrait_core.alignment.pose_fit import fit_pose, standard_face
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.render import render
from itportrait_core.rendering import cameras

BATCH = 8
SIZE = 224


def seen_heads(count: int, seed: int, yaw: float = 45.0, pitch: float = 20.0) -> tuple[Tensor, Tensor]:
    """Points `[n, 468, 2]` in pixels and cameras `[n, 25]` of random heads that the detector found."""
    draw = torch.Generator().manual_seed(seed)
    z, u = torch.randn(count, Z_DIM, generator=draw), torch.rand(2, count, generator=draw) * 2 - 1
    labels = cameras.orbit(u[0] * yaw, u[1] * pitch)
    points, kept = [], []
    for first in range(0, count, BATCH):
        part = slice(first, first + BATCH)
        pictures = render(attributes(z[part]), labels[part], size=SIZE, supersample=1).image
        for n, picture in enumerate(pictures):
            faces = detect_faces(picture[None])
            if faces:
                points.append(faces[0].mesh[:, :2])
                kept.append(first + n)
    return torch.stack(points), labels[kept]


def locate(points: Tensor, labels: Tensor, rounds: int = 30) -> Tensor:
    """The mean face `[468, 3]` in space: alternates between it and the scale and place of each view.

    Args:
        points: `[n, 468, 2]`, y down.
        labels: their cameras `[n, 25]`.
        rounds: alternations.
    """
    axes = cameras.cam2world(labels.double())[:, :3, :3]
    rows = torch.stack((axes[:, :, 0], axes[:, :, 1]), 1)  # right and down
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


def symmetric(face: Tensor) -> Tensor:
    """The face made mirror-symmetric; each point is paired with the one nearest to its mirror image."""
    flipped = face * face.new_tensor([-1.0, 1.0, 1.0])
    partner = torch.cdist(face, flipped).argmin(1)
    return (face + flipped[partner]) / 2.0


def errors(points: Tensor, labels: Tensor, face: Tensor) -> Tensor:
    """Estimated minus true yaw, pitch and roll, degrees, `[n, 3]`."""
    truth = torch.stack(cameras.angles(labels.double()), 1)
    fits = torch.stack([fit_pose(p, face).rotation for p in points])
    return torch.stack(cameras.angles(cameras.from_axes(fits).double()), 1) - truth


def main() -> None:
    """Measure; with --write, locate a new standard face first and store it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", type=Path, help="where to store the located face")
    options.add_argument("--heads", type=int, default=64)
    given = options.parse_args()
    if given.write:
        from safetensors.torch import save_file

        face = symmetric(locate(*seen_heads(given.heads, seed=1)))
        save_file({"points": face.float()}, given.write)
    points, labels = seen_heads(given.heads, seed=2)
    miss = errors(points, labels, standard_face())
    print(f"found {len(points)} of {given.heads} heads, yaw within 45 and pitch within 20 degrees")
    for name, column in zip(("yaw", "pitch", "roll"), miss.T, strict=True):
        print(
            f"{name:5}  mean {column.mean():+6.2f}  mean absolute {column.abs().mean():5.2f}  "
            f"worst {column.abs().max():5.2f} degrees"
        )


if __name__ == "__main__":
    main()
