"""Inputs whose default, range and choices come from the core's method settings: no number stands twice."""

from __future__ import annotations

import dataclasses
from typing import Any

from comfy_api.latest import io

from . import compat, sockets

SEED_LIMIT = 2**31 - 1
"""Highest seed: what every method's settings allow."""
PRIOR, ORIGINAL = "style prior", "generator as it is"


def number(
    config: type,
    name: str,
    tooltip: str,
    *,
    step: float | None = None,
    id: str = "",
    label: str | None = None,
    optional: bool = False,
) -> io.Input:
    """A number widget for the field `name` of a settings class; an int field gives an integer widget.

    Args:
        config: a frozen settings dataclass of the core.
        name: its field.
        tooltip: what it does to the picture, and its useful range.
        step: how far one click goes; 1 for integers, 0.01 for floats when left out.
        id: name of the input where it differs from the field's.
        label: what the widget is called on the screen where its name is a letter of the publication.
        optional: may be left out.
    """
    field = _field(config, name)
    limits = {"min": field.metadata["low"], "max": field.metadata["high"], "default": field.default}
    limits |= {"display_name": label, "tooltip": tooltip}
    if isinstance(field.default, int):
        return io.Int.Input(id or name, **limits, step=int(step or 1), optional=optional)
    return io.Float.Input(id or name, **limits, step=step or 0.01, round=False, optional=optional)


def choice(
    config: type, name: str, tooltip: str, *, options: tuple[str, ...] = (), label: str | None = None
) -> io.Input:
    """A list to choose from; `options` narrows it, `label` as for `number`."""
    field = _field(config, name)
    return io.Combo.Input(
        name,
        options=list(options or field.metadata["options"]),
        default=field.default,
        display_name=label,
        tooltip=tooltip,
    )


def start() -> io.Input:
    """Where a style's training begins; the last widget of the nodes that have it."""
    return io.Combo.Input(
        "style_start",
        options=[PRIOR, ORIGINAL],
        default=PRIOR,
        optional=True,
        tooltip=(
            "Where the style begins: at what the embedded generator already knows of styles (see Instant"
            " Style), or at the generator as it is, as published. Other generators have no such knowledge."
        ),
    )


def flag(config: type, name: str, tooltip: str) -> io.Input:
    """A switch."""
    return io.Boolean.Input(name, default=_field(config, name).default, tooltip=tooltip)


def real(
    name: str, default: float, low: float, high: float, tooltip: str, step: float = 1.0, **more: bool
) -> io.Input:
    """A number widget for what is no setting of the core; `more` as ComfyUI takes it."""
    return io.Float.Input(
        name, default=default, min=low, max=high, step=step, round=False, tooltip=tooltip, **more
    )


def truncation(
    tooltip: str = "Truncation psi: 0 the mean face, 0.7 typical, 1 full diversity.",
) -> io.Input:
    """How far a made-up person may be from the mean face."""
    return real("truncation", 0.7, 0.0, 1.2, tooltip, 0.05)


def base() -> io.Input:
    """The generator that a training starts from."""
    return sockets.Generator.Input("generator", tooltip="The generator to start from; it stays as it is.")


def settings(but: str) -> io.Input:
    """Method Settings in place of a node's own; `but` says what they leave alone."""
    return sockets.Settings.Input(
        "settings", optional=True, tooltip=f"Replaces all settings above but {but}."
    )


def losses(plot: str = "Losses over the steps, as a picture.") -> list[io.Output]:
    """What a training tells of its losses; `plot` says what the picture shows."""
    return [
        io.LossMap.Output(display_name="losses", tooltip="The loss of every step, for Plot Loss Graph."),
        io.Image.Output(display_name="plot", tooltip=plot),
    ]


def keep_colours() -> io.Input:
    """Whether people keep their own colours under a style."""
    return io.Boolean.Input(
        "keep_colours",
        default=False,
        optional=True,
        tooltip=(
            "The style's light, line and shape with everybody's own skin, hair and clothes. Takes a short"
            " training more; do not use it for styles that are colour alone."
        ),
    )


def steps(tooltip: str) -> io.Input:
    """Number of steps where 0 asks the core for a number that suits the generator's size."""
    about = (
        f"{tooltip} 0 chooses a number that suits the generator: fewer for a small one, the paper's for a"
        " full one."
    )
    return io.Int.Input("steps", default=0, min=0, max=5000, tooltip=about)


def seed(about: str) -> io.Input:
    """The seed of one run."""
    return io.Int.Input(
        "seed",
        default=2,
        min=0,
        max=SEED_LIMIT,
        control_after_generate=compat.STAYS,
        tooltip=f"{about} The same seed gives the same result, bit for bit on a CPU.",
    )


def file_name(default: str) -> io.Input:
    """The name of a file that a node saves."""
    return io.String.Input(
        "name", default=default, tooltip="File name; '/' makes a sub-folder. A number is added."
    )


def changed(config: type, **chosen: object) -> dict[str, Any]:
    """The chosen values that differ from the settings' defaults: a widget left alone keeps what suits the
    generator's size."""
    return {name: value for name, value in chosen.items() if value != _field(config, name).default}


def _field(config: type, name: str) -> dataclasses.Field[Any]:
    return next(field for field in dataclasses.fields(config) if field.name == name)
