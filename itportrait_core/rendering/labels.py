"""The 25-number camera label of EG3D: build one from angles, read the angles back, compare two.

World: y up, the head looks along +z, the camera stands 2.7 from the origin. A label holds the 4x4
camera-to-world matrix (row major, OpenCV axes: x right, y down, z forward) and nine intrinsics divided by the
image size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ..errors import ITPortraitError
from ..networks.camera import Camera
from .rotations import level_axes, look_rotation, roll_rotation

RADIUS = 2.7
"""Distance of every camera from the world origin, world units (EG3D FFHQ labels)."""
PIVOT = (0.0, 0.0, 0.2)
"""Point that cameras look at, world units."""
FOCAL = 4.2647
"""Focal length in image widths: 2985.29 / 700."""
INSIDE = 0.3
"""Distance from the origin, world units, below which a camera stands inside a head."""
MAX_PITCH = 85.0
"""Degrees; beyond it a camera could stand right above its pivot, where 'up' loses its meaning."""

Angle: TypeAlias = float | Sequence[float] | Tensor


def orbit(
    yaw_deg: Angle,
    pitch_deg: Angle = 0.0,
    roll_deg: Angle = 0.0,
    *,
    radius: float = RADIUS,
    pivot: Sequence[float] = PIVOT,
    focal: Angle = FOCAL,
) -> Tensor:
    """Camera labels on a sphere about the origin, in real degrees.

    Args:
        yaw_deg: azimuth; above 0 the camera moves to +x. Number, list or tensor; all arguments broadcast.
        pitch_deg: elevation in [-85, 85]; above 0 the camera stands above the head.
        roll_deg: turn about the viewing axis; above 0 the camera turns clockwise, the picture the other way.
        radius: distance from the origin, world units.
        pivot: point that the camera looks at, world units.
        focal: focal length in image widths.

    Returns:
        Labels `[N, 25]`: float64 if an argument is a float64 tensor, else float32. Differentiable.
    """
    given = (yaw_deg, pitch_deg, roll_deg, focal)
    try:
        yaw, pitch, roll, focal_length = torch.broadcast_tensors(*(_working(a, given) for a in given))
        place = torch.tensor([radius, *pivot], dtype=torch.float64)
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise ITPortraitError(
            f"Cameras want numbers, or lists of one length; these do not fit ({error!s:.160})."
        ) from error
    if place.numel() != 4 or not bool(torch.isfinite(place).all()) or radius < INSIDE:
        raise ITPortraitError(
            f"A camera stands at least {INSIDE} from the origin and looks at a point (x, y, z), got the "
            f"radius {radius} and the point {pivot!r:.80}."
        )
    if yaw.ndim > 1:
        raise ITPortraitError(f"Angles must be flat lists, got shape {tuple(yaw.shape)}; flatten them.")
    for name, value in (("yaw", yaw), ("pitch", pitch), ("roll", roll), ("focal length", focal_length)):
        if yaw.numel() == 0 or not bool(torch.isfinite(value).all()):
            raise ITPortraitError(f"Every {name} must be a finite number, and there must be one at least.")
    if not bool((focal_length > 0).all()):
        raise ITPortraitError("Every focal length must be above 0.")
    steepest = float(pitch.detach().abs().max())
    if not steepest <= MAX_PITCH:
        raise ITPortraitError(f"Pitch {steepest:.1f} is beyond {MAX_PITCH:.0f} degrees; lower it.")
    yaw, pitch, roll = (torch.deg2rad(a.reshape(-1)) for a in (yaw, pitch, roll))
    flat = pitch.cos()
    position = radius * torch.stack((yaw.sin() * flat, pitch.sin(), yaw.cos() * flat), -1)
    rotation = look_rotation(position, position.new_tensor(list(pivot))) @ roll_rotation(roll)
    return from_matrices(rotation, position, focal_length.reshape(-1)).to(_result_dtype(given))


def front(n: int = 1, *, focal: float = FOCAL) -> Tensor:
    """The frontal camera, `[n, 25]`."""
    return orbit([0.0] * n, focal=focal)


def from_matrices(rotation: Tensor, position: Tensor, focal: float | Tensor = FOCAL) -> Tensor:
    """Labels `[N, 25]` of axes `rotation [N, 3, 3]`, `position [N, 3]` and focal length (number or `[N]`)."""
    return Camera.from_matrices(rotation, position, focal).label


def cam2world(c: Tensor) -> Tensor:
    """The camera-to-world matrices `[N, 4, 4]` inside labels `[N, 25]`."""
    return Camera(c).cam2world


def intrinsics(c: Tensor) -> Tensor:
    """The intrinsics `[N, 3, 3]`, in image widths, inside labels `[N, 25]`."""
    return Camera(c).intrinsics


def angles(c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Yaw, pitch and roll in degrees, each `[N]`: the inverse of `orbit` for any radius and pivot.

    Yaw and pitch say where the camera stands; a camera that looks past the pivot keeps no trace of that here.
    """
    matrix = cam2world(_precise(c))
    x, y, z = matrix[:, :3, 3].unbind(-1)
    right0, down0 = level_axes(matrix[:, :3, 2])
    right = matrix[:, :3, 0]
    yaw = torch.atan2(x, z)
    pitch = torch.atan2(y, torch.hypot(x, z))
    roll = torch.atan2((right * down0).sum(-1), (right * right0).sum(-1))
    return tuple(torch.rad2deg(a).to(c.dtype) for a in (yaw, pitch, roll))


def mirror(c: Tensor) -> Tensor:
    """Labels of the left-right mirrored pictures (docs/eg3d.md#cameras), `[N, 25]`."""
    signs = torch.ones(25, dtype=c.dtype, device=c.device)
    signs[[1, 2, 3, 4, 8, 17]] = -1.0  # x of down, forward and place; y, z of right; skew
    flipped = checked(c) * signs
    flipped[:, 18] = 1.0 - flipped[:, 18]
    return flipped


def rotation_difference_deg(c1: Tensor, c2: Tensor) -> Tensor:
    """Angle in degrees of the turn from one camera's axes to the other's, `[N]`; `[1, 25]` broadcasts."""
    gap = cam2world(_precise(c1))[:, :3, :3] - cam2world(_precise(c2))[:, :3, :3]
    chord = gap.flatten(1).norm(dim=1) / math.sqrt(8.0)  # sine of half the angle; exact where acos is not
    return torch.rad2deg(2.0 * torch.asin(chord.clamp(max=1.0))).to(c1.dtype)


def checked(c: Tensor) -> Tensor:
    """The labels themselves.

    Raises:
        ITPortraitError: unless they are `[N, 25]`, finite, with a lens, and outside of the head.
    """
    camera = Camera(c)
    if not bool(torch.isfinite(c).all()) or not bool((camera.focal > 0).all()):
        raise ITPortraitError("Cameras must be finite numbers with a focal length above 0; build them anew.")
    if bool((camera.position.norm(dim=1) < INSIDE).any()):
        raise ITPortraitError(f"A camera stands inside the head; move it at least {INSIDE} from the origin.")
    return camera.label


def _precise(x: Tensor) -> Tensor:
    """Float64 where the device has it: labels are few, and angles lose digits in float32."""
    return x.float() if x.device.type == "mps" else x.double()


def _working(value: Angle, given: tuple[Angle, ...]) -> Tensor:
    device = next((a.device for a in given if isinstance(a, Tensor)), torch.device("cpu"))
    if isinstance(value, Tensor):
        return _precise(value.to(device))
    dtype = torch.float32 if device.type == "mps" else torch.float64
    return torch.as_tensor(value, dtype=dtype, device=device)


def _result_dtype(given: tuple[Angle, ...]) -> torch.dtype:
    double = any(isinstance(a, Tensor) and a.dtype == torch.float64 for a in given)
    return torch.float64 if double else torch.float32
