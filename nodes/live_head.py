"""A head that turns in the node: planes for the browser, and the exact picture from the chosen camera."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from . import compat, fields, folders, recipes, sockets
from .cameras import FOV
from .fields import real
from .images import to_comfy

if TYPE_CHECKING:
    from ..itportrait_core.networks.generator3d import Generator3D
    from .graph_facts import Graph

SHADINGS = ("picture", "depth", "normals")
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


STATE = ("yaw", "pitch", "roll", "fov", "fade", "strength", "person", "shading", "background")


TRUNCATION = "Truncation psi of a made-up person: 0 the mean face, 0.7 typical, 1 full diversity."


def generators_and_people() -> list[io.Input]:
    """The inputs that say who is drawn, and by which generators."""
    more = "Another style of the same base, to fade to."
    return [
        *(sockets.Generator.Input(f"generator_{i}", optional=True, tooltip=more) for i in (2, 3, 4)),
        sockets.PortraitSocket.Input(
            "portrait", optional=True, tooltip="Who is drawn. Not connected, the seed makes somebody up."
        ),
        sockets.PortraitSocket.Input("portrait_2", optional=True, tooltip="A second person, to fade to."),
        io.Int.Input(
            "person_seed", default=2, min=0, max=fields.SEED_LIMIT,
            tooltip="The person that is made up when no portrait is connected.",
        ),
        fields.truncation(TRUNCATION),
    ]  # fmt: skip


def chosen_view() -> list[io.Input]:
    """The numbers that a live head is turned by."""
    return [
        real("yaw", 0, -180, 180, "Turns the camera around the head; above 0 goes to its left.", 1),
        real("pitch", 0, -85, 85, "Raises the camera; above 0 looks from above.", 1),
        real("roll", 0, -180, 180, "Tilts the camera: the picture turns.", 1),
        real("fov", FOV, 5, 60, "Vertical field of view, degrees. Smaller comes closer.", 0.1),
        real("fade", 0, 0, 3, "From one generator to the next: 0 the first, 1 the second, up to 3.", 0.01),
        real("strength", 1, 0, 1.2, "From the first generator, at 0, to what fade chooses, at 1.", 0.01),
        real("person", 0, 0, 1, "From the first person to the second.", 0.01),
        io.Combo.Input(
            "shading", options=list(SHADINGS), default=SHADINGS[0],
            tooltip="picture, or depth (near white), or normals as seen from the camera.",
        ),
        io.String.Input(
            "background", default="", tooltip="Colour behind the head as #rrggbb; empty: the generator's own."
        ),
    ]  # fmt: skip


def camera_of(chosen: Mapping[str, Any]) -> dict[str, float]:
    """The camera's angles."""
    return {name: float(chosen[name]) for name in ("yaw", "pitch", "roll", "fov")}


Person = tuple[str, "itp.Portrait"]


def gathered(
    generator: sockets.GeneratorHandle, seed: int, truncation: float, chosen: Mapping[str, Any]
) -> tuple[list[sockets.GeneratorHandle], list[Person]]:
    """The connected generators and people; somebody made up where nobody is.

    Raises:
        ITPortraitError: for a person of another kind of generator.
    """
    from ..itportrait_core.methods.shared.portrait import check_fits, sample_portrait

    more = (chosen.get(f"generator_{i}") for i in (2, 3, 4))
    handles = [generator, *(handle for handle in more if handle is not None)]
    given = [chosen.get(name) for name in ("portrait", "portrait_2")]
    people = [(name_of_person(one.portrait), one.portrait) for one in given if one is not None]
    if not people:
        made = sample_portrait(generator.open(), seed, truncation=truncation)
        people = [(name_of_person(made), made)]
    for _, portrait in people:
        check_fits(generator.open(), portrait)
    return handles, people


def name_of_person(portrait: itp.Portrait) -> str:
    """A label for a person: its seed, or that it comes from a picture."""
    seed = portrait.report.get("seed")
    return f"seed {seed}" if seed is not None else "portrait"


def name_of(handle: sockets.GeneratorHandle) -> str:
    """A label for a generator: its text, else its method, else its file."""
    lineage = handle.lineage
    text = lineage.get("text") or lineage.get("recipe", {}).get("text")
    return str(text or lineage.get("method") or handle.path.stem)


def live_file(handles: list[sockets.GeneratorHandle], people: list[Person]) -> dict[str, str]:
    """The head's file below ComfyUI's temp folder, made unless it is there, as the editor asks for it."""
    key = hashlib.sha256(json.dumps([handle.sha256 for handle in handles]).encode())
    for _, portrait in people:
        key.update(portrait.ws.detach().float().cpu().contiguous().numpy().tobytes())
    file = folders.temporary(f"live-{key.hexdigest()[:16]}.itplive")
    if not os.path.isfile(file):
        folders.put(file, packed(handles, people, private=not recipes.typed()))
    return folders.preview_of(file, "temp")


def packed(
    handles: list[sockets.GeneratorHandle],
    people: list[Person],
    camera: dict[str, float] | None = None,
    *,
    private: bool = False,
    **facts: object,
) -> bytes:
    """The bytes of a live head; `private` numbers generators and people in place of naming them."""
    from ..itportrait_core.live.pack import Person as Who
    from ..itportrait_core.live.pack import Style, pack

    names = [f"style {i}" if private else name_of(handle) for i, handle in enumerate(handles)]
    styles = [Style(name, one.open(), one.license) for name, one in zip(names, handles, strict=True)]
    who = [Who(f"person {i}" if private else name, one.ws) for i, (name, one) in enumerate(people)]
    return pack(styles, who, camera=camera, facts=dict(facts))


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


def colour_of(text: str) -> tuple[float, float, float] | None:
    """Red, green and blue in 0..1 of "#rrggbb"; None for an empty text.

    Raises:
        ITPortraitError: for anything else.
    """
    if not text.strip():
        return None
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text.strip()):
        raise ITPortraitError(
            f"{text[:40]!r} is no colour; write #rrggbb, or nothing for the generator's own."
        )
    red, green, blue = (int(text.strip()[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def no_colour(text: object) -> str:
    """Why a typed colour is none; empty for one, and for what comes over a link."""
    try:
        colour_of(text if isinstance(text, str) else "")
    except ITPortraitError as error:
        return str(error)
    return ""


def strip_of(cls: type, model: Generator3D, ws: Tensor, shading: str, background: str) -> dict[str, Any]:
    """Pictures from several sides, for browsers without WebGL2, and where they look from."""
    yaws, pitches = ([view[i] for view in STRIP] for i in (0, 1))
    pictures = shaded(model, ws, itp.cameras.orbit(yaws, pitches), shading, background)
    files = ui.PreviewImage(pictures, cls=cls).as_dict()["images"]
    return {"itp_strip": files, "itp_strip_views": [list(view) for view in STRIP]}
