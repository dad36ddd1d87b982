"""Small, slow, plain rasterisers: what a viewer would show of a mesh or of splats, to measure both."""

from __future__ import annotations

import torch
from torch import Tensor

from itportrait_core.guidance import metrics
from itportrait_core.rendering.labels import cam2world
from itportrait_core.rendering.mesh import Mesh
from itportrait_core.rendering.splat import Splats

LOW_PASS = 0.3
"""Pixels squared that viewers add to a splat's outline."""


def silhouette(mesh: Mesh, camera: Tensor, side: int) -> Tensor:
    """Pixels `[side, side]` whose centre a triangle of the mesh covers, seen by `camera [1, 25]`."""
    corners = to_pixels(mesh.vertices, camera, side)[0][mesh.faces]
    start = corners.amin(1).ceil().long()
    reach = (corners.amax(1).floor().long() - start).amax(0) + 1
    hit = torch.zeros(side, side, dtype=torch.bool, device=corners.device)
    following = corners.roll(-1, 1)
    for dy in range(int(reach[1])):
        for dx in range(int(reach[0])):
            pixel = start + start.new_tensor([dx, dy])
            a, b = corners - pixel[:, None], following - pixel[:, None]
            turn = a[:, :, 0] * b[:, :, 1] - a[:, :, 1] * b[:, :, 0]
            inside = ((turn >= 0).all(1) | (turn <= 0).all(1)) & ((pixel >= 0) & (pixel < side)).all(1)
            hit[pixel[inside, 1], pixel[inside, 0]] = True
    return hit


def draw_splats(splats: Splats, camera: Tensor, side: int, background: float = 1.0) -> Tensor:
    """The picture `[3, side, side]` in 0..1 that a splat viewer shows from `camera [1, 25]`."""
    pixels, depth = to_pixels(splats.centers, camera, side)
    spread = _flat_covariance(splats, camera, side)
    inverse = torch.linalg.inv(spread)
    radius = 3.0 * spread.diagonal(dim1=1, dim2=2).amax(1).sqrt()
    reach = int(radius.max().ceil())
    offsets = torch.arange(-reach, reach + 1, device=pixels.device)
    offsets = torch.stack(torch.meshgrid(offsets, offsets, indexing="ij"), -1).reshape(-1, 2)
    cells = pixels.round().long()[:, None] + offsets
    gap = cells - pixels[:, None]
    alpha = splats.opacities[:, None] * torch.exp(-0.5 * ((gap @ inverse) * gap).sum(-1))
    used = (alpha > 1 / 255) & ((cells >= 0) & (cells < side)).all(-1) & (depth > 0)[:, None]
    splat, cell = used.nonzero(as_tuple=True)
    place = cells[splat, cell, 1] * side + cells[splat, cell, 0]
    order = depth[splat].argsort(stable=True)
    order = order[place[order].argsort(stable=True)]
    return _composite(place[order], alpha[splat, cell][order], splats.colors[splat[order]], side, background)


def to_pixels(points: Tensor, camera: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Pixel positions `[K, 2]` (whole numbers are centres) and depths along the view axis `[K]`."""
    eye = _to_eye(points, camera)
    focal = camera[0, 16]
    return (eye[:, :2] / eye[:, 2:] * focal + 0.5) * side - 0.5, eye[:, 2]


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels of two pictures in 0..1."""
    return float(metrics.psnr(2 * a[None] - 1, 2 * b[None] - 1))


def _to_eye(points: Tensor, camera: Tensor) -> Tensor:
    matrix = cam2world(camera)[0]
    return (points - matrix[:3, 3]) @ matrix[:3, :3]


def _flat_covariance(splats: Splats, camera: Tensor, side: int) -> Tensor:
    """Covariance `[K, 2, 2]` of each splat in the picture, pixels squared."""
    eye, axes = _to_eye(splats.centers, camera), cam2world(camera)[0, :3, :3]
    x, y, z = eye.unbind(1)
    zero = torch.zeros_like(z)
    slope = torch.stack((1 / z, zero, -x / z**2, zero, 1 / z, -y / z**2), 1).reshape(-1, 2, 3)
    shape = slope * (camera[0, 16] * side) @ axes.T @ (_matrix(splats.rotations) * splats.scales[:, None])
    return shape @ shape.transpose(1, 2) + LOW_PASS * torch.eye(2, device=shape.device)


def _matrix(quaternions: Tensor) -> Tensor:
    """Rotations `[K, 3, 3]` of unit quaternions (w, x, y, z)."""
    w, x, y, z = quaternions.unbind(1)
    rows = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack(rows, 1).reshape(-1, 3, 3)


def _composite(place: Tensor, alpha: Tensor, colors: Tensor, side: int, background: float) -> Tensor:
    """Front-to-back blending of fragments sorted by pixel, then depth."""
    blocked = -torch.log1p(-alpha.double().clamp(max=0.99))
    passed = blocked.cumsum(0) - blocked
    first = torch.ones_like(place, dtype=torch.bool)
    first[1:] = place[1:] != place[:-1]
    begin = torch.where(first, torch.arange(len(place), device=place.device), 0).cummax(0).values
    weight = (torch.exp(passed[begin] - passed) * alpha).float()
    picture = torch.zeros(side * side, 4, device=colors.device)
    picture.index_add_(0, place, torch.cat((colors, torch.ones_like(colors[:, :1])), 1) * weight[:, None])
    return (picture[:, :3] + background * (1.0 - picture[:, 3:])).T.reshape(3, side, side)
