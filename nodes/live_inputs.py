"""What a live head is made of and how it is seen: inputs that Live Head and Export Live Head share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ..itportrait_core.errors import ITPortraitError
from . import fields, sockets
from .cameras import FOV
from .fields import real

SHADINGS = ("picture", "depth", "normals")
STATE = ("yaw", "pitch", "roll", "fov", "fade", "strength", "person", "shading", "background")
"""Numbers and words that hold what a live head shows."""
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
