"""Cameras: whatever yields labels `[N, 25]`. The label itself is in `labels`, core's camera in `load3d`.

Example:
    >>> itp.cameras.orbit([-30.0, 0.0, 30.0], pitch_deg=10.0).shape
    torch.Size([3, 25])
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .labels import (
    FOCAL,
    PIVOT,
    RADIUS,
    angles,
    cam2world,
    from_matrices,
    front,
    intrinsics,
    mirror,
    orbit,
    rotation_difference_deg,
)
from .load3d import from_load3d, to_load3d
from .rotations import euler_zyx, look_rotation

__all__ = [
    "FOCAL",
    "PIVOT",
    "RADIUS",
    "angles",
    "cam2world",
    "eg3d_pitch",
    "figure_eight",
    "from_axes",
    "from_deep3d",
    "from_load3d",
    "from_matrices",
    "front",
    "grid",
    "intrinsics",
    "look_at",
    "look_rotation",
    "mirror",
    "orbit",
    "rotation_difference_deg",
    "sample_views",
    "to_deep3d",
    "to_load3d",
    "turntable",
]

DEEP3D_DISTANCE = 10.0
"""Deep3DFaceRecon's camera stands 10 of its units from the face (docs/method.md#pose-labels)."""
DEEP3D_SCALE = 0.27
"""Deep3D units to world units (docs/method.md#pose-labels)."""
DEEP3D_OFFSET = (0.0, 0.006, 0.161)
"""Where Deep3D's origin lies in the world (docs/method.md#pose-labels)."""


def look_at(
    horizontal: float | Tensor,
    vertical: float | Tensor,
    *,
    pivot: Sequence[float] = PIVOT,
    radius: float = RADIUS,
    focal: float = FOCAL,
) -> Tensor:
    """Labels `[N, 25]` in EG3D's own sampler convention (docs/eg3d.md#cameras), for parity with its scripts.

    Args:
        horizontal: radians; pi/2 is frontal, pi/2 + yaw moves the camera to +x.
        vertical: pi/2 is level, smaller is higher. **Not an angle**: the polar angle is
            `arccos(1 - 2 v / pi)`. Use `orbit` for real degrees.
        pivot: point that the camera looks at. The camera itself circles the origin, not the pivot.
        radius: distance from the origin.
        focal: focal length in image widths.
    """
    h, v = (torch.as_tensor(a, dtype=torch.float64).reshape(-1) for a in (horizontal, vertical))
    h, v = torch.broadcast_tensors(h, v.clamp(1e-5, math.pi - 1e-5))
    polar = torch.arccos(1.0 - 2.0 * v / math.pi)
    position = radius * torch.stack(
        (polar.sin() * torch.cos(math.pi - h), polar.cos(), polar.sin() * torch.sin(math.pi - h)), -1
    )
    rotation = look_rotation(position, torch.tensor(list(pivot), dtype=torch.float64))
    return from_matrices(rotation, position, focal).float()


def eg3d_pitch(argument_deg: float | Tensor) -> Tensor:
    """Elevation in degrees of EG3D's pitch argument in degrees: `-asin(2 p / pi)` (docs/eg3d.md#cameras)."""
    p = torch.deg2rad(torch.as_tensor(argument_deg, dtype=torch.float64))
    return torch.rad2deg(-torch.asin((2.0 * p / math.pi).clamp(-1.0, 1.0)))


def from_deep3d(
    angle: Tensor, translation: Tensor, *, radius: float = RADIUS, focal: float = FOCAL
) -> Tensor:
    """EG3D labels of Deep3DFaceRecon poses (docs/method.md#pose-labels).

    Args:
        angle: rotations about x, y, z in radians, `[N, 3]`.
        translation: in Deep3D units, `[N, 3]`.
        radius: distance from the origin that the camera is brought to.
        focal: focal length in image widths.

    Returns:
        Labels `[N, 25]`; float64 if `angle` is, else float32.
    """
    rotation = euler_zyx(angle.double()).transpose(1, 2)
    offset = translation.double() - torch.tensor([0.0, 0.0, DEEP3D_DISTANCE], dtype=torch.float64)
    place = -(rotation @ offset[:, :, None])[:, :, 0]
    place = DEEP3D_SCALE * place + torch.tensor(DEEP3D_OFFSET, dtype=torch.float64)
    place = radius * torch.nn.functional.normalize(place, dim=-1)
    axes = rotation * torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    dtype = torch.float64 if angle.dtype == torch.float64 else torch.float32
    return from_matrices(axes, place, focal).to(dtype)


def to_deep3d(c: Tensor) -> tuple[Tensor, Tensor]:
    """Deep3DFaceRecon poses `[N, 3]`, `[N, 3]` whose labels these are: the inverse of `from_deep3d`.

    Args:
        c: labels `[N, 25]`; the heads are taken to stand as far away as the cameras are from the origin.

    Returns:
        Rotations about x, y, z in radians (y within a quarter turn) and translations, float64.
    """
    matrix = cam2world(c.double())
    rotation = matrix[:, :3, :3] * matrix.new_tensor([1.0, -1.0, -1.0])
    place = (matrix[:, :3, 3] - matrix.new_tensor(DEEP3D_OFFSET)) / DEEP3D_SCALE
    offset = -(rotation.transpose(1, 2) @ place[:, :, None])[:, :, 0]
    angle = torch.stack(
        (
            torch.atan2(rotation[:, 1, 2], rotation[:, 2, 2]),
            -rotation[:, 0, 2].clamp(-1.0, 1.0).asin(),
            torch.atan2(rotation[:, 0, 1], rotation[:, 0, 0]),
        ),
        1,
    )
    return angle, offset + matrix.new_tensor([0.0, 0.0, DEEP3D_DISTANCE])


def from_axes(axes: Tensor, *, radius: float = RADIUS, focal: float = FOCAL) -> Tensor:
    """Labels `[N, 25]` float32 of cameras with given axes that look at the pivot from `radius`.

    Args:
        axes: `[N, 3, 3]`, rows right, up and backward in world axes: what a face fit gives.
        radius: distance from the origin.
        focal: focal length in image widths.
    """
    right, up, back = axes.double().unbind(1)
    pivot = back.new_tensor(PIVOT)
    along = (back @ pivot)[:, None]
    distance = (along.square() + radius**2 - pivot @ pivot).sqrt() - along
    return from_matrices(torch.stack((right, -up, -back), -1), pivot + distance * back, focal).float()


def sample_views(
    n: int,
    yaw: tuple[float, float] = (-50.0, 50.0),
    pitch: tuple[float, float] = (-30.0, 30.0),
    *,
    rng: torch.Generator,
    stratify_yaw: bool = True,
    pitch_convention: str = "true",
) -> Tensor:
    """Random views `[n, 25]`, uniform in the given ranges of degrees.

    Args:
        n: number of views.
        yaw: lowest and highest yaw, degrees.
        pitch: lowest and highest pitch, degrees.
        rng: source of randomness.
        stratify_yaw: view i falls in the i-th of n equal parts of the yaw range (paper: thirds).
        pitch_convention: `true` takes pitch as elevation; `eg3d` as the argument of EG3D's sampler, where
            30 means -19.47 degrees of elevation (docs/eg3d.md#cameras).
    """
    _check_views(n)
    if pitch_convention not in ("true", "eg3d"):
        raise ITPortraitError(f"Unknown pitch convention {pitch_convention!r}; choose 'true' or 'eg3d'.")
    u = torch.rand(2, n, generator=rng, device=rng.device, dtype=torch.float32).double()
    along = (torch.arange(n, device=u.device) + u[0]) / n if stratify_yaw else u[0]
    yaw_deg = yaw[0] + (yaw[1] - yaw[0]) * along
    pitch_deg = pitch[0] + (pitch[1] - pitch[0]) * u[1]
    return orbit(yaw_deg, eg3d_pitch(pitch_deg) if pitch_convention == "eg3d" else pitch_deg).float()


def turntable(n: int, pitch_deg: float = 0.0, *, focal: float = FOCAL) -> Tensor:
    """A full circle of `n` views that starts at the front and loops without a seam, `[n, 25]`."""
    _check_views(n)
    yaw = torch.arange(n, dtype=torch.float64) * (360.0 / n)
    return orbit(torch.where(yaw > 180.0, yaw - 360.0, yaw), pitch_deg, focal=focal).float()


def grid(yaws: Sequence[float], pitches: Sequence[float], *, focal: float = FOCAL) -> Tensor:
    """One view for each pair, a row per pitch and a column per yaw, `[len(pitches) * len(yaws), 25]`."""
    rows, columns = torch.meshgrid(torch.tensor(list(pitches)), torch.tensor(list(yaws)), indexing="ij")
    return orbit(columns.reshape(-1), rows.reshape(-1), focal=focal)


def figure_eight(n: int, yaw_deg: float = 30.0, pitch_deg: float = 12.0, *, focal: float = FOCAL) -> Tensor:
    """A lying eight of `n` views about the front that loops without a seam, `[n, 25]`."""
    _check_views(n)
    turn = torch.arange(n, dtype=torch.float64) * (2.0 * math.pi / n)
    return orbit(yaw_deg * turn.sin(), pitch_deg * (2.0 * turn).sin(), focal=focal).float()


def _check_views(n: int) -> None:
    if n < 1:
        raise ITPortraitError(f"The number of views must be 1 or more, got {n}.")
