"""Pictures of everything that a workflow saved: its images, frames of its videos, views of its 3D models."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from .client import ComfyClient

SHOWING = ("SaveImage", "SaveVideo", "SaveGLB", "ITportrait_SaveMesh")
"""Nodes whose files are shown."""
FRAMES = 6
"""Frames picked from a video."""
TURNS = (-40.0, 0.0, 40.0)
"""Degrees by which a model is turned for its views."""
SIDE = 384
SAMPLES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
"""glTF 2.0, section 3.6.2.2: number types of an accessor."""
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def exhibits(
    client: ComfyClient, outputs: dict[str, Any], workflow: dict[str, Any], folder: Path
) -> dict[str, list[Path]]:
    """Fetch what the saving nodes of a workflow wrote into `folder`; title of the node -> pictures of it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Path]] = {}
    savers = [node for node in workflow["nodes"] if node["type"] in SHOWING and str(node["id"]) in outputs]
    for node in sorted(savers, key=lambda node: node["pos"]):
        shown = outputs[str(node["id"])]
        files = [client.fetch(item, folder) for item in [*shown.get("images", []), *shown.get("3d", [])]]
        rows[node.get("title", node["type"])] = [picture for file in files for picture in _pictures(file)]
    return rows


def _pictures(file: Path) -> list[Path]:
    made = {".mp4": _frames, ".glb": _views}.get(file.suffix)
    if made is None:
        return [file]
    pictures = []
    for number, picture in enumerate(made(file)):
        pictures.append(file.with_name(f"{file.stem}_{number}.png"))
        picture.save(pictures[-1])
    return pictures


def _frames(file: Path) -> list[Image.Image]:
    """Frames of a video, evenly spread over its length."""
    import av

    with av.open(str(file)) as video:
        frames = [frame.to_image() for frame in video.decode(video=0)]
    return [frames[int((i + 0.5) * len(frames) / FRAMES)] for i in range(FRAMES)]


def _views(file: Path) -> list[Image.Image]:
    """A model from three sides, lit from the camera: triangles painted from the farthest to the nearest."""
    vertices, faces, colors = read_glb(file)
    return [paint(vertices, faces, colors, np.radians(turn)) for turn in TURNS]


def read_glb(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices `[V, 3]`, faces `[F, 3]` and colours `[V, 3]` in 0..1 of the first mesh of a .glb file."""
    data = file.read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    scene, buffer = json.loads(data[20 : 20 + length]), data[28 + length :]
    part = scene["meshes"][0]["primitives"][0]

    def numbers(index: int) -> np.ndarray:
        accessor = scene["accessors"][index]
        view = scene["bufferViews"][accessor["bufferView"]]
        kind, width = np.dtype(SAMPLES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        values = np.frombuffer(buffer, kind, accessor["count"] * width, start).reshape(-1, width)
        return values / np.iinfo(kind).max if accessor.get("normalized") else values

    vertices, faces = numbers(part["attributes"]["POSITION"]), numbers(part["indices"]).reshape(-1, 3)
    color = part["attributes"].get("COLOR_0")
    grey = np.full_like(vertices, 0.75)
    return vertices, faces, grey if color is None else numbers(color)[:, :3] ** (1 / 2.2)  # linear on disk


def paint(vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray, turn: float) -> Image.Image:
    """A model turned by so many radians about its upright axis, lit from the viewer, on white."""
    middle = (vertices.max(0) + vertices.min(0)) / 2
    cos, sin = np.cos(turn), np.sin(turn)
    around = (vertices - middle) @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    scale = 0.92 * SIDE / np.ptp(vertices, axis=0).max()
    corners = around[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    light = normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    shade = colors[faces].mean(1) * (0.35 + 0.65 * light[:, None])
    flat = corners[:, :, :2] * [scale, -scale] + SIDE / 2
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for face in np.argsort(corners[:, :, 2].mean(1)):
        if light[face] > 0:
            fill = tuple(int(255 * value) for value in shade[face].clip(0, 1))
            draw.polygon([tuple(point) for point in flat[face]], fill=fill)
    return picture
