"""ComfyUI's `LOAD3D_CAMERA` dictionary to labels and back (docs/comfyui.md#cameras-and-landmarks).

Core's world is ours (right-handed, y up); its camera looks down -z with y up, ours along +z with y down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import ITPortraitError
from ..plain_types import is_finite
from .labels import FOCAL, INSIDE, PIVOT, cam2world, from_matrices, intrinsics, look_rotation
from .rotations import quaternion

FARTHEST = 1e6
"""Beyond any coordinate, in world units, and any zoom: products of larger ones overflow."""
NARROWEST = 1e-3
"""Degrees of the smallest field of view."""
NEAR, FAR = 0.1, 100.0
"""Clipping planes written into the dictionary, world units; nothing here reads them."""


def to_load3d(c: Tensor) -> list[dict[str, Any]]:
    """One dictionary for each label `[N, 25]`, with the fields of old servers and of new ones.

    The target lies where the line of sight passes closest to the pivot (0, 0, 0.2); `fov` is the vertical
    angle in degrees (13.37 for EG3D's focal length).
    """
    matrices, focal = cam2world(c.double()), intrinsics(c.double())[:, 1, 1]
    return [_dictionary(m, float(f)) for m, f in zip(matrices, focal, strict=True)]


def from_load3d(info: Mapping[str, Any], *, radius: float | None = None) -> Tensor:
    """The label `[1, 25]` (float32) of one dictionary.

    A quaternion gives the axes where the server sends one, else the target does. Without `fov` (before
    server 0.23) the focal length is EG3D's. `zoom` multiplies the focal length in both forms.

    Args:
        info: the dictionary.
        radius: bring the camera to this distance from the origin (generators want 2.7); None keeps its place.
    """
    if not isinstance(info, Mapping):
        raise ITPortraitError(f"A LOAD3D_CAMERA is wanted, got a {type(info).__name__}.")
    if info.get("cameraType", "perspective") != "perspective":
        raise ITPortraitError(
            f"The camera is {info['cameraType']!r:.80}, but these renders need a perspective camera; "
            "switch the camera type in the 3D viewer."
        )
    position = _vector(info, "position", "xyz")[None]
    if float(position.norm()) < INSIDE:
        raise ITPortraitError(
            f"A camera at {position[0].tolist()} stands inside the head; move it at least {INSIDE} "
            "from the origin."
        )
    if info.get("quaternion"):
        rotation = _matrix(_vector(info, "quaternion", "xyzw")) * position.new_tensor([1.0, -1.0, -1.0])
    else:
        target = _vector(info, "target", "xyz")
        sight = target - position[0]
        if float(sight[[0, 2]].norm()) <= 1e-6 * float(sight.norm()):
            raise ITPortraitError(
                f"A camera at {position[0].tolist()} cannot look straight up or down, nor at its own place, "
                f"here {target.tolist()}; move it."
            )
        rotation = look_rotation(position, target)
    if radius is not None:
        position = radius * torch.nn.functional.normalize(position, dim=-1)
    return from_matrices(rotation.reshape(1, 3, 3), position, _focal(info)).float()


def _dictionary(matrix: Tensor, focal: float) -> dict[str, Any]:
    position, forward = matrix[:3, 3], matrix[:3, 2]
    distance = max(float((position.new_tensor(PIVOT) - position) @ forward), 1e-3)
    turn = quaternion(matrix[:3, :3] * matrix.new_tensor([1.0, -1.0, -1.0]))
    return {
        "position": dict(zip("xyz", position.tolist(), strict=True)),
        "target": dict(zip("xyz", (position + distance * forward).tolist(), strict=True)),
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": dict(zip("xyzw", turn.tolist(), strict=True)),
        "fov": math.degrees(2.0 * math.atan(0.5 / focal)),
        "aspect": 1.0,
        "near": NEAR,
        "far": FAR,
    }


def _focal(info: Mapping[str, Any]) -> float:
    zoom = _number(info.get("zoom", 1.0), "zoom")
    if not 1.0 / FARTHEST <= zoom <= FARTHEST:
        raise ITPortraitError(f"The camera's zoom must be above 0 and at most {FARTHEST:.0f}, got {zoom}.")
    if info.get("fov") is None:
        return FOCAL * zoom
    fov = _number(info["fov"], "fov")
    if not NARROWEST <= fov < 180.0:
        raise ITPortraitError(f"The camera's fov must lie between 0 and 180 degrees, got {fov}.")
    return zoom * 0.5 / math.tan(math.radians(fov) / 2.0)


def _number(value: object, field: str) -> float:
    """A finite number.

    Raises:
        ITPortraitError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
        raise ITPortraitError(f"LOAD3D_CAMERA {field!r} must be a finite number, got {value!r:.60}.")
    if abs(value) > FARTHEST:
        raise ITPortraitError(f"LOAD3D_CAMERA {field!r} is {float(value):g}; nothing lies so far away.")
    return float(value)


def _vector(info: Mapping[str, Any], field: str, names: str) -> Tensor:
    part = info.get(field)
    if not isinstance(part, Mapping) or any(name not in part for name in names):
        raise ITPortraitError(
            f"LOAD3D_CAMERA needs {field!r} with numbers {', '.join(names)}, got {part!r:.80}."
        )
    numbers = [_number(part[name], f"{field}.{name}") for name in names]
    return torch.tensor(numbers, dtype=torch.float64)


def _matrix(q: Tensor) -> Tensor:
    """Rotation `[3, 3]` of a quaternion (x, y, z, w) of any length."""
    length = float(q.norm())
    if length < 1e-9:
        raise ITPortraitError("LOAD3D_CAMERA 'quaternion' is zero; it must name a rotation.")
    x, y, z, w = (q / length).tolist()
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return torch.tensor(rows, dtype=torch.float64)
