"""How well meshes and splats show what the generator renders: `python -m benchmarks.geometry`.

Prints, over 24 views of some heads of the pocket generator: silhouette IoU of the mesh, distance of vertex
colours from the pictures, PSNR of splats, and how often the mesh is closed.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.rasters import draw_splats, psnr, silhouette, to_pixels
from itportrait_core.checkpoints.format import load_generator
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.rendering import cameras
from itportrait_core.rendering.glb import glb_bytes
from itportrait_core.rendering.mesh import Mesh, MeshConfig, extract_mesh
from itportrait_core.rendering.ply import ply_bytes
from itportrait_core.rendering.splat import SplatConfig, Splats, sample_splats
from itportrait_core.rendering.views import Views, render_views

YAWS, PITCHES = (-50, -35, -20, -8, 8, 20, 35, 50), (-20, 0, 20)
"""24 views in the range that generators are trained for."""


@dataclass(frozen=True)
class Scores:
    """One head."""

    iou: float
    """Silhouette of the mesh against the mask of the pictures, mean over the views."""
    color: float
    """Mean absolute difference of vertex colours and pictures where a vertex is seen, of 255."""
    psnr: float
    """Splats against the pictures, decibels, mean over the views."""
    closed: bool
    """Every edge of the mesh joins two triangles."""


def measure(generator: EG3DGenerator, ws: Tensor, mesh: Mesh, splats: Splats, views: Tensor) -> Scores:
    """Scores of one head over `views [N, 25]`."""
    seen = render_views(generator, ws, views, chunk=4)
    pictures = seen.images.clamp(-1, 1) / 2 + 0.5
    side = pictures.shape[-1]
    overlaps, noise = [], []
    for n in range(len(views)):
        hit, mask = silhouette(mesh, views[n : n + 1], side), seen.masks[n, 0] > 0.5
        overlaps.append(float((hit & mask).sum() / (hit | mask).sum()))
        noise.append(psnr(draw_splats(splats, views[n : n + 1], side), pictures[n]))
    return Scores(
        sum(overlaps) / len(views),
        color_gap(mesh, seen, views),
        sum(noise) / len(views),
        is_closed(mesh.faces),
    )


def color_gap(mesh: Mesh, seen: Views, views: Tensor) -> float:
    """Mean absolute difference, of 255, between colours of seen vertices and the pictures where they fall."""
    gaps = []
    for n in range(len(views)):
        pixels, _ = to_pixels(mesh.vertices, views[n : n + 1], seen.images.shape[-1])
        grid = ((pixels + 0.5) * 2.0 / seen.images.shape[-1] - 1.0)[None, None]
        maps = torch.cat((seen.images[n].clamp(-1, 1) / 2 + 0.5, seen.depth[n], seen.masks[n]))[None]
        read = torch.nn.functional.grid_sample(maps, grid, align_corners=False)[0, :, 0].T
        towards = cameras.cam2world(views[n : n + 1])[0, :3, 3] - mesh.vertices
        distance = towards.norm(dim=1)
        faces = (towards * mesh.normals).sum(1) / distance > 0.3
        visible = faces & ((distance - read[:, 3]).abs() < 0.03) & (read[:, 4] > 0.98)
        gaps.append((read[visible, :3] - mesh.colors[visible]).abs().mean() * 255.0)
    return float(torch.stack(gaps).mean())


def is_closed(faces: Tensor) -> bool:
    """Whether every edge of `faces [M, 3]` belongs to exactly two triangles."""
    edges = torch.cat((faces[:, :2], faces[:, 1:], faces[:, [2, 0]])).sort(dim=1).values
    return bool((edges.unique(dim=0, return_counts=True)[1] == 2).all())


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--generator", default="pocket", help="'pocket' or a safetensors file")
    options.add_argument("--heads", type=int, default=4, help="number of heads")
    options.add_argument("--resolution", type=int, default=192, help="grid of mesh and splats")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    generator = load_generator(given.generator)
    views = cameras.grid(YAWS, PITCHES)
    draw = torch.Generator().manual_seed(given.seed)
    print("head  IoU    colour/255  PSNR dB  closed  vertices  splats   mesh s  splat s  GLB MB  PLY MB")
    rows = []
    for head in range(given.heads):
        ws = generator.mapping(torch.randn(1, generator.z_dim, generator=draw), cameras.front())
        start = time.perf_counter()
        mesh = extract_mesh(generator, ws, MeshConfig(resolution=given.resolution))
        middle = time.perf_counter()
        splats = sample_splats(generator, ws, SplatConfig(resolution=given.resolution))
        end = time.perf_counter()
        scores = measure(generator, ws, mesh, splats, views)
        rows.append((scores.iou, scores.color, scores.psnr))
        sizes = f"{len(glb_bytes(mesh)) / 1e6:6.1f}  {len(ply_bytes(splats)) / 1e6:6.1f}"
        counts = f"{len(mesh.vertices):8d}  {len(splats.centers):7d}"
        print(
            f"{head:4d}  {scores.iou:.4f}  {scores.color:9.2f}  {scores.psnr:7.2f}  {scores.closed!s:6}  "
            f"{counts}  {middle - start:6.1f}  {end - middle:7.1f}  {sizes}",
            flush=True,
        )
    iou, color, noise = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    print(f"mean  {iou:.4f}  {color:9.2f}  {noise:7.2f}")


if __name__ == "__main__":
    with torch.no_grad():
        main()
