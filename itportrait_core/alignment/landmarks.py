"""Faces in a picture: found by the detector, taken from core's `FACE_LANDMARKS`, or placed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .detector import find_boxes, find_mesh
from .frame import five_points

EYE_CORNERS = ((33, 133), (362, 263))
"""Mesh points at the corners of the eye on the picture's left and right."""
NOSE_TIP, MOUTH_CORNERS = 4, (61, 291)
"""Mesh points of the nose tip (1 lies under it), and of the mouth corners on the picture's left and right."""
MIN_PRESENCE = 0.5
"""Least likelihood of the point network for a box to count as a face; below it, points may collapse."""
NO_FACE = (
    "No face was found. Place the five points (eyes, nose tip, mouth corners) by hand, or try a picture with "
    "a larger, less turned face."
)


@dataclass(frozen=True)
class Face:
    """One face; pixels of the picture, y down, whole numbers being pixel centres."""

    points: Tensor
    """Left eye, right eye, nose tip, left and right mouth corner as seen, `[5, 2]` float64."""
    mesh: Tensor | None
    """468 points `[468, 3]` float64 (z in pixels too, less is nearer); None for points placed by hand."""
    score: float
    """Likelihood in 0..1; 1 for points placed by hand."""

    @property
    def size(self) -> float:
        """Longer side of the box around all points, pixels."""
        known = self.points if self.mesh is None else self.mesh[:, :2]
        return float((known.amax(0) - known.amin(0)).max())


def detect_faces(image: Tensor) -> list[Face]:
    """Every face in `image [1, 3, H, W]` (values in [-1, 1]), largest first; an empty list if there is none.

    Raises:
        ITPortraitError: if the optional packages are not installed.
    """
    faces = []
    for box in find_boxes(image):
        mesh, score = find_mesh(image, box.region)
        if score > MIN_PRESENCE:
            faces.append(Face(five_from_mesh(mesh), mesh, min(score, box.score)))
    return sorted(faces, key=lambda face: face.size, reverse=True)


def choose(faces: Sequence[Face], index: int = 0) -> Face:
    """The face of this rank by size, 0 being the largest.

    Raises:
        ITPortraitError: if there is none, or fewer than asked for.
    """
    if not faces:
        raise ITPortraitError(NO_FACE)
    if not 0 <= index < len(faces):
        raise ITPortraitError(
            f"Face {index} was asked for, but there are {len(faces)}; count from 0, largest first."
        )
    return faces[index]


def face_by_hand(points: Tensor | Sequence[Sequence[float]]) -> Face:
    """A face from five points in pixels: eyes, nose tip, mouth corners, left before right as seen."""
    return Face(five_points(torch.as_tensor(points, dtype=torch.float64)), None, 1.0)


def faces_from_core(landmarks: Mapping[str, Any], frame: int = 0) -> list[Face]:
    """Faces of one frame of core's `FACE_LANDMARKS` (docs/comfyui.md#cameras-and-landmarks), largest first.

    Coordinates that all lie about 0..1 are taken as shares of the picture, others as pixels.

    Raises:
        ITPortraitError: if the frame does not exist or a face lacks its points.
    """
    frames, size = landmarks.get("frames"), landmarks.get("image_size")
    if not isinstance(frames, Sequence) or size is None:
        raise ITPortraitError(
            "FACE_LANDMARKS needs 'frames' and 'image_size'; connect the face landmark node."
        )
    if not 0 <= frame < len(frames):
        raise ITPortraitError(
            f"Frame {frame} was asked for, but the landmarks hold {len(frames)}; count from 0."
        )
    try:
        faces = [_core_face(entry, int(size[0]), int(size[1])) for entry in frames[frame]]
    except ITPortraitError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ITPortraitError(
            f"FACE_LANDMARKS is not as the face landmark node makes it ({error!s:.100}); connect that node."
        ) from error
    return sorted(faces, key=lambda face: face.size, reverse=True)


def five_from_mesh(mesh: Tensor) -> Tensor:
    """The five points `[5, 2]` of a face mesh `[468, 2 or 3]`; eyes are the middles of their corners."""
    eyes = [mesh[list(corners), :2].mean(0) for corners in EYE_CORNERS]
    return torch.stack((*eyes, mesh[NOSE_TIP, :2], *(mesh[i, :2] for i in MOUTH_CORNERS))).double()


def _core_face(entry: Mapping[str, Any], height: int, width: int) -> Face:
    flat = torch.as_tensor(entry.get("landmarks_xy", ()), dtype=torch.float64)
    if flat.ndim != 2 or flat.shape[0] < 468 or flat.shape[1] < 2:
        raise ITPortraitError(
            f"FACE_LANDMARKS holds {tuple(flat.shape)} points for a face; at least 468 are needed."
        )
    flat = flat[:468, :2]
    if not bool(torch.isfinite(flat).all()):
        raise ITPortraitError("FACE_LANDMARKS holds numbers that are not finite; connect the landmark node.")
    if float(flat.abs().max()) <= 2.0:
        flat = flat * torch.tensor([width, height]).double() - 0.5
    mesh = torch.cat((flat, torch.zeros(468, 1).double()), 1)
    return Face(five_from_mesh(mesh), mesh, float(entry.get("score", 1.0)))
