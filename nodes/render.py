"""Look at a generator: cameras, pictures from them, and a mesh."""

from __future__ import annotations

from typing import Any

import comfy.model_management as mm
import torch
from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from . import comfy, compat, fields, sockets
from .images import to_comfy

PATHS = ("single", "sweep", "turntable", "figure eight", "grid")
FOV = 13.37
"""Vertical field of view of EG3D's cameras, degrees."""
CHUNK = 4
"""Views rendered at once; the user can cancel between chunks."""


class CameraOrbit(io.ComfyNode):
    """Camera Orbit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def angle(name: str, limit: float, tooltip: str, default: float = 0.0) -> io.Input:
            return io.Float.Input(
                name, default=default, min=-limit, max=limit, step=1.0, round=False, tooltip=tooltip
            )

        return compat.schema(
            "CameraOrbit",
            "Camera Orbit",
            description=(
                "Where the portrait is seen from: one view, or a path of views around it. Angles are degrees."
            ),
            search_aliases=["camera", "turntable", "views", "orbit"],
            inputs=[
                io.Combo.Input(
                    "path",
                    options=list(PATHS),
                    default="single",
                    tooltip=(
                        "single: one view. sweep: from the left to the right of yaw and pitch. turntable: a"
                        " full circle. figure eight: a lying loop, for videos. grid: rows of pitch, columns"
                        " of yaw."
                    ),
                ),
                angle(
                    "yaw",
                    180,
                    "Turns the camera around the head; above 0 shows its left side. Good up to 50.",
                ),
                angle("pitch", 80, "Raises the camera; above 0 looks from above. Good up to 30."),
                angle("roll", 180, "Tilts the camera; the picture turns."),
                io.Float.Input(
                    "fov",
                    default=FOV,
                    min=5.0,
                    max=60.0,
                    step=0.1,
                    round=False,
                    tooltip=(
                        "Vertical field of view in degrees. Smaller comes closer. Generators were trained at"
                        " 13.37."
                    ),
                ),
                io.Int.Input(
                    "views",
                    default=5,
                    min=1,
                    max=240,
                    tooltip="Number of views of a path; of one row of a grid.",
                ),
                io.Float.Input(
                    "yaw_range",
                    default=40.0,
                    min=0.0,
                    max=90.0,
                    step=1.0,
                    round=False,
                    tooltip=(
                        "How far a sweep, figure eight or grid goes to each side of yaw. Up to 50 stays"
                        " clean."
                    ),
                ),
                io.Float.Input(
                    "pitch_range",
                    default=0.0,
                    min=0.0,
                    max=60.0,
                    step=1.0,
                    round=False,
                    tooltip=(
                        "How far a figure eight or grid goes above and below pitch. Up to 30 stays clean."
                    ),
                ),
                io.Load3DCamera.Input(
                    "camera_info",
                    optional=True,
                    tooltip="A camera from Load 3D or Preview 3D. Connected, it gives the single view.",
                ),
                sockets.view("CAMERA", "Drag the head to set the angles; shift-drag rolls, the wheel zooms."),
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
        cls,
        path: str,
        yaw: float,
        pitch: float,
        roll: float,
        fov: float,
        views: int,
        yaw_range: float,
        pitch_range: float,
        camera_info: dict[str, Any] | None = None,
        view: None = None,
    ) -> io.NodeOutput:
        cameras = itp.cameras
        if camera_info is not None:
            labels = cameras.from_load3d(camera_info, radius=cameras.RADIUS)
        else:
            labels = orbit_path(path, yaw, pitch, roll, fov, views, yaw_range, pitch_range)
        return io.NodeOutput(sockets.CamerasHandle(labels), cameras.to_load3d(labels[:1])[0])


def orbit_path(
    path: str,
    yaw: float,
    pitch: float,
    roll: float,
    fov: float,
    views: int,
    yaw_range: float,
    pitch_range: float,
) -> torch.Tensor:
    """Labels `[N, 25]` of one of the `PATHS`; all angles in degrees."""
    cameras = itp.cameras
    focal = 0.5 / torch.tan(torch.deg2rad(torch.tensor(fov / 2, dtype=torch.float64))).item()
    across = (
        torch.linspace(-1, 1, views, dtype=torch.float64)
        if views > 1
        else torch.zeros(1, dtype=torch.float64)
    )
    if path == "single":
        return cameras.orbit(yaw, pitch, roll, focal=focal).float()
    if path == "sweep":
        return cameras.orbit(
            yaw + yaw_range * across, pitch + pitch_range * across, roll, focal=focal
        ).float()
    if path == "turntable":
        return cameras.turntable(views, pitch, focal=focal)
    if path == "figure eight":
        return cameras.figure_eight(views, yaw_range, pitch_range, focal=focal)
    if path == "grid":
        rows = [pitch + pitch_range, pitch, pitch - pitch_range] if pitch_range > 0 else [pitch]
        return cameras.grid((yaw + yaw_range * across).tolist(), rows, focal=focal)
    raise ITPortraitError(f"There is no camera path {path!r}; choose one of {', '.join(PATHS)}.")


class MultiViewRender(io.ComfyNode):
    """Multi-View Render."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "MultiViewRender",
            "Multi-View Render",
            description=(
                "Draws a person with a generator from every camera: pictures, masks, depth and normals."
            ),
            search_aliases=["render", "novel view", "depth", "normals"],
            inputs=[
                sockets.Generator.Input(
                    "generator", tooltip="Whose style is drawn: the base, or an adapted one."
                ),
                sockets.Cameras.Input("cameras", tooltip="Where from; one picture for each camera."),
                sockets.PortraitSocket.Input(
                    "portrait",
                    optional=True,
                    tooltip="Who is drawn. Not connected, the seed makes somebody up.",
                ),
                fields.seed("The person that is made up when no portrait is connected."),
                io.Float.Input(
                    "truncation",
                    default=0.7,
                    min=0.0,
                    max=1.2,
                    step=0.05,
                    round=False,
                    tooltip=(
                        "How special a made-up person is: 0 the average, 0.7 good-looking, 1 full variety."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="One picture for each camera."),
                io.Mask.Output(display_name="masks", tooltip="White where the head is, by transmittance."),
                io.Image.Output(
                    display_name="depth", tooltip="Near white, far black, the same scale in all views."
                ),
                io.Image.Output(
                    display_name="normals", tooltip="Camera-space normals as ControlNet expects them."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        cameras: sockets.CamerasHandle,
        seed: int,
        truncation: float,
        portrait: sockets.PortraitHandle | None = None,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.portrait import check_fits, sample_portrait
        from ..itportrait_core.rendering.views import render_views

        model = generator.open()
        person = portrait.portrait if portrait else sample_portrait(model, seed, truncation=truncation)
        check_fits(model, person)
        seen = render_views(model, person.ws, cameras.labels, CHUNK, comfy.Progress().view)
        depth = seen.depth_normalized.expand(-1, 3, -1, -1) * 2 - 1
        masks = seen.masks[:, 0].float().to(mm.intermediate_device())
        return io.NodeOutput(to_comfy(seen.images), masks, to_comfy(depth), to_comfy(seen.normals_camera))


class ExtractMesh(io.ComfyNode):
    """Extract Mesh."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "ExtractMesh",
            "Extract Mesh",
            description=(
                "The head as a closed triangle mesh with vertex colours, for Save GLB and Preview 3D."
            ),
            search_aliases=["mesh", "glb", "marching cubes", "3d model"],
            inputs=[
                sockets.Generator.Input("generator", tooltip="Whose style the head has."),
                sockets.PortraitSocket.Input("portrait", tooltip="Whose head it is."),
                io.Int.Input(
                    "resolution",
                    default=192,
                    min=32,
                    max=512,
                    step=8,
                    tooltip="Fineness: points along each side. 96 draft, 192 good, 320 fine and slow.",
                ),
                io.Float.Input(
                    "smoothing",
                    default=0.0,
                    min=0.0,
                    max=8.0,
                    step=0.1,
                    round=False,
                    tooltip="Rounds off steps and noise. 0 as it is, 1 smooth, above 2 melts.",
                ),
            ],
            outputs=[io.Mesh.Output(display_name="mesh", tooltip="The head, y up, face towards +z.")],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        resolution: int,
        smoothing: float,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.portrait import check_fits
        from ..itportrait_core.rendering.mesh import MeshConfig, extract_mesh

        model = generator.open()
        check_fits(model, portrait.portrait)
        config = MeshConfig(resolution=resolution, smoothing=smoothing)
        return io.NodeOutput(
            compat.mesh(extract_mesh(model, portrait.portrait.ws, config, comfy.Progress().count))
        )
