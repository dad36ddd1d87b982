"""Pictures, masks, depth and normals from any camera."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from . import compat, fields, recipes, runtime, sockets
from .images import to_comfy, to_comfy_unbounded

if TYPE_CHECKING:
    from ..itportrait_core.methods.shared.portrait import Portrait


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
                sockets.Cameras.Input(
                    "cameras",
                    optional=True,
                    tooltip="Where from; one picture for each camera. Not connected: from the front.",
                ),
                sockets.PortraitSocket.Input(
                    "portrait",
                    optional=True,
                    tooltip="Who is drawn. Not connected, the seed makes somebody up.",
                ),
                fields.seed("The person that is made up when no portrait is connected."),
                fields.truncation(),
                io.Load3DCamera.Input(
                    "camera_info",
                    optional=True,
                    tooltip="A camera of Load 3D or Preview 3D, in place of cameras.",
                ),
                io.Boolean.Input(
                    "live",
                    default=False,
                    optional=True,
                    tooltip="Also shows the head in the node, to be turned by hand. Changes no output.",
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
                io.Image.Output(
                    display_name="depth_metric",
                    tooltip="Distance from the camera in world units, a head being about 0.5 tall.",
                ),
                io.Image.Output(
                    display_name="normals_world", tooltip="Normals in the head's own axes, grey background."
                ),
                io.Load3DCamera.Output(
                    display_name="camera_info", tooltip="The first view, for core 3D nodes."
                ),
                sockets.Recipe.Output(
                    display_name="recipe", tooltip="How the pictures were made, for Save Pictures."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        seed: int,
        truncation: float,
        cameras: sockets.CamerasHandle | None = None,
        portrait: sockets.PortraitHandle | None = None,
        camera_info: dict[str, Any] | None = None,
        live: bool = False,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.shared.portrait import check_fits, sample_portrait
        from ..itportrait_core.recipes.card import CHUNK, Card, versions
        from ..itportrait_core.rendering.views import render_views

        model = generator.open()
        person = portrait.portrait if portrait else sample_portrait(model, seed, truncation=truncation)
        check_fits(model, person)
        labels = where_from(cameras, camera_info)
        views = render_views(model, person.ws, labels, CHUNK, runtime.Progress().view)
        masks = views.masks[:, 0].float().to(mm.intermediate_device())
        card = Card(
            "picture",
            generator.description,
            person.report,
            versions=versions(**recipes.programs()),
            ws=person.ws.float().cpu(),
            cameras=labels.float().cpu(),
        )
        depth = views.depth_normalized * 2 - 1
        return io.NodeOutput(
            to_comfy(views.images),
            masks,
            to_comfy(depth.expand(-1, 3, -1, -1)),
            to_comfy(views.normals_camera),
            to_comfy_unbounded(views.depth.expand(-1, 3, -1, -1)),
            to_comfy(views.normals_world),
            itp.cameras.to_load3d(labels[:1].cpu())[0],
            card,
            ui=live_preview(generator, person, labels) if live else None,
        )


def live_preview(generator: sockets.GeneratorHandle, person: Portrait, labels: Tensor) -> dict[str, Any]:
    """The head for the browser, and the first camera in degrees."""
    from .live_file import live_file, name_of_person

    yaw, pitch, roll = (round(float(angle[0]), 1) for angle in itp.cameras.angles(labels[:1]))
    focal = float(itp.cameras.intrinsics(labels[:1])[0, 0, 0])
    fov = round(math.degrees(2 * math.atan(0.5 / focal)), 2)
    state = {"yaw": yaw, "pitch": pitch, "roll": roll, "fov": fov}
    file = live_file([generator], [(name_of_person(person), person)])
    return {"itp_live": [file], "itp_live_state": [state]}


def where_from(cameras: sockets.CamerasHandle | None, camera_info: dict[str, Any] | None) -> Tensor:
    """Labels `[N, 25]`: the core's camera, else ours, else the front."""
    if camera_info is not None:
        return itp.cameras.from_load3d(camera_info, radius=itp.cameras.RADIUS)
    return itp.cameras.front() if cameras is None else cameras.labels
