"""Pictures, masks, depth and normals from any camera."""

from __future__ import annotations

import comfy.model_management as mm
from comfy_api.latest import io

from . import comfy, compat, fields, sockets
from .images import to_comfy

CHUNK = 4
"""Views rendered at once; the user can cancel between chunks."""


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
