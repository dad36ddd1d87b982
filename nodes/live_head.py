"""A head that turns in the node: planes for the browser, and the exact picture from the chosen camera."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui
from torch import Tensor

from .. import itportrait_core as itp
from . import compat, sockets
from .images import to_comfy
from .live_file import gathered, live_file
from .live_inputs import STATE, chosen_view, colour_of, generators_and_people, no_colour

if TYPE_CHECKING:
    from ..itportrait_core.networks.generator3d import Generator3D
    from .graph_facts import Graph

STRIP = ((-60.0, 0.0), (-30.0, 0.0), (0.0, 0.0), (30.0, 0.0), (60.0, 0.0), (0.0, 20.0), (0.0, -15.0))
"""Yaw and pitch of the pictures for browsers without WebGL2."""


class LiveHead(io.ComfyNode):
    """Live Head."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "LiveHead",
            "Live Head",
            description=(
                "The generator itself in the node: drag the head to turn it, fade between styles, set their"
                " strength. The node's numbers hold what it shows; running it gives the exact picture."
            ),
            search_aliases=["interactive", "3d viewer", "webgl", "turn", "orbit", "preview"],
            inputs=[
                sockets.Generator.Input(
                    "generator", tooltip="Whose style is drawn; with others, their base."
                ),
                *generators_and_people(),
                *chosen_view(),
                io.Boolean.Input(
                    "strip",
                    default=False,
                    tooltip="Also renders seven views, for browsers that cannot draw the head themselves.",
                ),
                compat.view("ITP_LIVE_VIEW"),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="What the view shows, as the server draws it."),
                sockets.Cameras.Output(
                    display_name="cameras", tooltip="The chosen camera, for Multi-View Render."
                ),
            ],
            advanced=("truncation", *STATE, "strip"),  # the view shows and sets them
            is_output_node=True,
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        return no_colour(inputs.get("background"))

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        person_seed: int,
        truncation: float,
        strip: bool = False,
        view: None = None,
        **inputs: object,
    ) -> io.NodeOutput:
        from ..itportrait_core.live.mix import mixed_generator, mixed_latent, style_weights

        chosen: Mapping[str, Any] = inputs
        handles, people = gathered(generator, person_seed, truncation, chosen)
        file = live_file(handles, people)
        weights = style_weights(len(handles), chosen["fade"], chosen["strength"])
        model = mixed_generator([handle.open for handle in handles], weights)
        ws = mixed_latent([portrait.ws for _, portrait in people], chosen["person"])
        camera = itp.cameras.orbit(
            chosen["yaw"],
            chosen["pitch"],
            chosen["roll"],
            focal=0.5 / math.tan(math.radians(chosen["fov"] / 2)),
        ).float()
        picture = shaded(model, ws, camera, chosen["shading"], chosen["background"])
        preview: dict[str, Any] = {  # the first file is what App mode shows
            "itp_render": ui.PreviewImage(picture, cls=cls).as_dict()["images"],
            "itp_live": [file],
            "itp_live_state": [{name: chosen[name] for name in STATE}],
        }
        if strip:
            preview |= strip_of(cls, model, ws, chosen["shading"], chosen["background"])
        return io.NodeOutput(picture, sockets.CamerasHandle(camera), ui=preview)


def shaded(model: Generator3D, ws: Tensor, cameras: Tensor, shading: str, background: str) -> Tensor:
    """IMAGE of what a live head shows from cameras `[N, 25]`, by the whole generator."""
    from ..itportrait_core.recipes.card import CHUNK
    from ..itportrait_core.rendering.views import render_views

    out = render_views(model, ws, cameras, CHUNK)
    if shading == "depth":
        return to_comfy((out.depth_normalized * 2 - 1).expand(-1, 3, -1, -1))
    if shading == "normals":
        return to_comfy(out.normals_camera)
    colour = colour_of(background)
    if colour is None:
        return to_comfy(out.images)
    own = 1.0 if model.config.rendering.white_back else -1.0
    wanted = out.images.new_tensor(colour).reshape(1, 3, 1, 1) * 2 - 1
    return to_comfy(out.images + (1 - out.masks) * (wanted - own))


def strip_of(cls: type, model: Generator3D, ws: Tensor, shading: str, background: str) -> dict[str, Any]:
    """Pictures from several sides, for browsers without WebGL2, and where they look from."""
    yaws, pitches = ([view[i] for view in STRIP] for i in (0, 1))
    pictures = shaded(model, ws, itp.cameras.orbit(yaws, pitches), shading, background)
    files = ui.PreviewImage(pictures, cls=cls).as_dict()["images"]
    return {"itp_strip": files, "itp_strip_views": [list(view) for view in STRIP]}
