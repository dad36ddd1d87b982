"""Where a portrait is seen from."""

from __future__ import annotations

import math
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from . import compat, sockets
from .fields import real

PATHS = ("single view", "sweep", "turntable", "grid", "figure-eight")
FOV = 13.37
"""Vertical field of view of EG3D's cameras, degrees."""


class CameraOrbit(io.ComfyNode):
    """Camera Orbit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "CameraOrbit",
            "Camera Orbit",
            description=(
                "Where the portrait is seen from: one view, or a path of views around it. Angles are degrees."
            ),
            has_intermediate_output=True,
            search_aliases=["camera", "turntable", "views", "orbit"],
            advanced=("yaw", "pitch", "roll", "fov", "pitch_range", "columns", "rows"),  # the view shows them
            inputs=[
                io.Combo.Input(
                    "path",
                    options=list(PATHS),
                    default=PATHS[0],
                    tooltip=(
                        "single view: one. sweep: from one side of yaw to the other. turntable: a full"
                        " circle. grid: rows of pitch, columns of yaw. figure-eight: a lying loop, for"
                        " videos."
                    ),
                ),
                real(
                    "yaw",
                    0,
                    -180,
                    180,
                    "Turns the camera around the head; above 0 goes to its left. Good up to 50.",
                ),
                real("pitch", 0, -85, 85, "Raises the camera; above 0 looks from above. Good up to 30."),
                real(
                    "roll", 0, -180, 180, "Tilts the camera: the picture turns. Single view and sweep only."
                ),
                real(
                    "fov",
                    FOV,
                    5,
                    60,
                    "Vertical field of view, degrees. Smaller comes closer. Trained at 13.37.",
                    0.1,
                ),
                io.Int.Input(
                    "views", default=5, min=1, max=240, tooltip="Views of a sweep, turntable or figure-eight."
                ),
                real("yaw_range", 50, 0, 90, "How far a path goes to each side of yaw. Clean up to 50."),
                real(
                    "pitch_range",
                    20,
                    0,
                    60,
                    "How far a grid or figure-eight goes up and down. Clean up to 30.",
                ),
                io.Int.Input("columns", default=5, min=1, max=24, tooltip="Views in a row of a grid."),
                io.Int.Input("rows", default=3, min=1, max=24, tooltip="Rows of a grid, the highest first."),
                io.Load3DCamera.Input(
                    "camera_info",
                    optional=True,
                    tooltip="A camera of Load 3D or Preview 3D, in place of the path.",
                ),
                compat.view("ITP_CAMERA_VIEW"),
            ],
            outputs=[
                sockets.Cameras.Output(display_name="cameras", tooltip="For Multi-View Render."),
                io.Load3DCamera.Output(
                    display_name="camera_info", tooltip="The first view, for core 3D nodes."
                ),
            ],
        )

    @classmethod
    def execute(
        cls, path: str, camera_info: dict[str, Any] | None = None, view: object = None, **chosen: Any
    ) -> io.NodeOutput:
        cameras = itp.cameras
        if camera_info is not None:
            labels = cameras.from_load3d(camera_info, radius=cameras.RADIUS)
        else:
            labels = camera_path(path, **chosen)
        return io.NodeOutput(sockets.CamerasHandle(labels), cameras.to_load3d(labels[:1])[0])


def camera_path(
    path: str,
    *,
    yaw: float,
    pitch: float,
    roll: float,
    fov: float,
    views: int,
    yaw_range: float,
    pitch_range: float,
    columns: int,
    rows: int,
) -> Tensor:
    """Labels `[N, 25]` of one of the `PATHS`; all angles in degrees."""
    cameras = itp.cameras
    focal = 0.5 / math.tan(math.radians(fov / 2))
    if path == "single view":
        return cameras.orbit(yaw, pitch, roll, focal=focal).float()
    if path == "sweep":
        return cameras.orbit(_around(yaw, yaw_range, views), pitch, roll, focal=focal).float()
    if path == "turntable":
        return cameras.turntable(views, pitch, focal=focal)
    if path == "grid":
        pitches = _around(pitch, pitch_range, rows)[::-1]
        return cameras.grid(_around(yaw, yaw_range, columns), pitches, focal=focal).float()
    if path == "figure-eight":
        return cameras.figure_eight(views, yaw_range, pitch_range, focal=focal)
    raise ITPortraitError(f"There is no camera path {path!r}; choose one of {', '.join(PATHS)}.")


def _around(middle: float, reach: float, count: int) -> list[float]:
    """`count` evenly spaced angles from `middle - reach` to `middle + reach`."""
    return [middle + reach * (2 * i / (count - 1) - 1) for i in range(count)] if count > 1 else [middle]
