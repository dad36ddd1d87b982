"""What turns bare triangles into a mesh: the main pieces, normals, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.volume_rendering import march, spread
from .views import field_normals, texel

if TYPE_CHECKING:
    from ..networks.generator3d import Generator3D

STEPS = 24
"""Samples along the short ray that colours a vertex."""
ABOVE, BELOW = 1.5, 4.5
"""Where that ray begins above the surface and ends below it, plane texels."""


def main_pieces(vertices: Tensor, faces: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Connected pieces that enclose at least `share` of what the largest one does, and no hollows.

    Args:
        vertices: `[V, 3]`.
        faces: `[M, 3]`, closed, counter-clockwise seen from outside; a hollow's are the other way round.
        share: 0 keeps every solid piece, 1 only the largest.

    Returns:
        Vertices and faces, renumbered.
    """
    label = connected(faces, len(vertices))[faces[:, 0]]
    a, b, c = vertices[faces].cpu().double().unbind(1)  # Metal has no float64
    volume = torch.zeros(len(vertices), dtype=torch.float64)
    volume = volume.index_add(0, label.cpu(), (a * torch.linalg.cross(b, c)).sum(1))
    wanted = ((volume > 0) & (volume >= share * volume.max())).to(faces.device)
    used, faces = faces[wanted[label]].unique(return_inverse=True)
    return vertices[used], faces


def connected(faces: Tensor, count: int) -> Tensor:
    """The lowest vertex number in the piece of each of `count` vertices, `[count]`."""
    label = torch.arange(count, device=faces.device)
    while True:
        lowest = label[faces].amin(1, keepdim=True).expand_as(faces)
        # Lower the root of each corner as well as the corner: whole pieces merge at once.
        new = label.scatter_reduce(0, label[faces].reshape(-1), lowest.reshape(-1), "amin")
        new = new.scatter_reduce(0, faces.reshape(-1), lowest.reshape(-1), "amin")
        new = new[new]
        if torch.equal(new, label):
            return label
        label = new


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Outward unit normals `[V, 3]`: means over the triangles about a vertex, weighted by their area."""
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a).repeat_interleave(3, 0)
    summed = torch.zeros_like(vertices).index_add_(0, faces.reshape(-1), across)
    return F.normalize(summed, dim=-1, eps=1e-20)


def vertex_colors(generator: Generator3D, planes: Tensor, vertices: Tensor) -> Tensor:
    """sRGB `[V, 3]` in 0..1: what a camera right in front of each vertex sees of the raw picture.

    A short ray along the normal is rendered like any other. A single read of the field would show the colour
    at one depth, and the picture mixes several.
    """
    step = texel(generator, planes)
    normals = field_normals(generator, planes, vertices[None], step)[0]
    depths = torch.linspace(0.0, (ABOVE + BELOW) * step, STEPS, device=planes.device, dtype=planes.dtype)
    points = vertices[:, None] + normals[:, None] * (ABOVE * step - depths)[:, None]
    features, sigma = generator.colors(planes, points.reshape(1, -1, 3))
    weights = spread(march(depths.expand(len(vertices), -1), sigma.reshape(len(vertices), -1)))
    colour = (weights[..., None] * features.reshape(len(vertices), STEPS, 3)).sum(1)
    return (colour / weights.sum(1, keepdim=True).clamp(min=1e-6)).clamp(0.0, 1.0)
