"""A live head: planes of generators and people, their decoders, and how rays are marched through them.

The header of the file (see `container`; numbers of arrays in angle brackets):

    version        1
    rendering      what decides a ray: `SETTINGS` of `RenderingConfig`
    plane_axes     world axes (u, v) of each plane; u runs along a row of texels
    channels, hidden, side   of planes and decoder, in multiples of 4; texels of a plane's side
    raw_side       rays of a row of the server's raw picture
    camera         yaw, pitch, roll, fov in degrees: where it is seen from first
    people         [{name}]
    generators     [{name, license, decoder: {w0, b0, w1, b1: <f4>}, planes: one for each person}]
    planes         {texels: <f2 or u1 [3, channels/4, side, side, 4]>}; for bytes also {step, low: <f4 [3,
                   channels]>}, so that a value is `byte * step + low`
    facts          JSON of the writer: a training's step, the values to begin with
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ITPortraitError
from ..rendering.views import check_drawn
from .container import Arrays, to_bytes

VERSION = 1
MOST_GENERATORS, MOST_PEOPLE = 4, 2
COLOURS = 3
"""Channels of the decoder that are marched: red, green, blue. Super-resolution takes the rest."""
LIMITS = {"channels": 64, "hidden": 128, "side": 512, "samples": 96}
"""What the renderer in the browser is made for."""
FAMILIES = ("eg3d",)
"""Families whose field is three planes and a two-layer decoder. PanoHead's tri-grids are not."""
SETTINGS = (
    "depth_resolution", "depth_resolution_importance", "ray_start", "ray_end", "box_warp", "white_back",
    "disparity_space_sampling",
)  # fmt: skip
"""Fields of `RenderingConfig` that decide what a ray sees."""


@dataclass(frozen=True)
class Style:
    """One generator in a live head: its label, the licence of its weights, and its weights."""

    name: str
    generator: nn.Module
    license: str = ""


@dataclass(frozen=True)
class Person:
    """One latent `[1, num_ws, w_dim]` in a live head, and its label."""

    name: str
    ws: Tensor


def check_family(generator: nn.Module) -> None:
    """Refuse a generator that the renderer in the browser cannot draw.

    Raises:
        ITPortraitError: naming what does not fit.
    """
    config = generator.config
    if generator.family not in FAMILIES:
        raise ITPortraitError(
            f"A live head draws generators of the family {' or '.join(FAMILIES)}, not {generator.family!r},"
            " whose field is no three planes; use Multi-View Render."
        )
    if config.rendering.automatic_limits:
        raise ITPortraitError(
            'A live head needs fixed ray limits, but this generator\'s are "auto"; use Multi-View Render.'
        )
    facts = {
        "channels": config.plane_channels,
        "hidden": config.decoder_hidden,
        "side": config.backbone_resolution,
        "samples": max(config.rendering.depth_resolution, config.rendering.depth_resolution_importance),
    }
    for name, value in facts.items():
        if value > LIMITS[name]:
            raise ITPortraitError(
                f"A live head takes up to {LIMITS[name]} {name}, this generator has {value}."
            )


def pack(
    styles: Sequence[Style],
    people: Sequence[Person],
    *,
    camera: dict[str, float] | None = None,
    facts: dict[str, Any] | None = None,
    largest: int = 0,
) -> bytes:
    """The file of a live head; see `container`.

    Args:
        styles: one to four generators of one shape; the first is the base.
        people: one or two latents.
        camera: where it is seen from first: yaw, pitch, roll and fov in degrees.
        facts: JSON values that travel along, such as a recipe card or the step of a training.
        largest: bytes beyond which planes are stored in single bytes and with fewer texels; 0 for no limit.

    Raises:
        ITPortraitError: for a family that is not drawn, or generators that do not fit each other.
    """
    check(styles, people)
    config = styles[0].generator.config
    with torch.no_grad():
        fields = [[_planes(style.generator, person.ws) for person in people] for style in styles]
    rendering = {name: getattr(config.rendering, name) for name in SETTINGS}
    header = {
        "version": VERSION,
        "rendering": rendering,
        "plane_axes": config.plane_axes,
        "channels": _quads(config.plane_channels) * 4,
        "hidden": _quads(config.decoder_hidden) * 4,
        "raw_side": config.neural_rendering_resolution,
        "camera": {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "fov": 13.37, **(camera or {})},
        "people": [{"name": person.name[:120]} for person in people],
        "facts": facts or {},
    }
    smallest = min(16, fields[0][0].shape[-1])
    side, eight = fields[0][0].shape[-1], False
    while True:
        data = _write(header, styles, fields, side, eight)
        if not largest or len(data) <= largest or (side <= smallest and eight):
            return data
        side, eight = (side // 2, True) if eight else (side, True)


def check(styles: Sequence[Style], people: Sequence[Person]) -> None:
    """Refuse what does not go together in one live head.

    Raises:
        ITPortraitError: for too many or none, another family, other shapes, other settings.
    """
    if not 1 <= len(styles) <= MOST_GENERATORS or not 1 <= len(people) <= MOST_PEOPLE:
        raise ITPortraitError(
            f"A live head takes 1 to {MOST_GENERATORS} generators and 1 to {MOST_PEOPLE} portraits, not"
            f" {len(styles)} and {len(people)}."
        )
    for style in styles:
        check_family(style.generator)
    first = styles[0].generator.config
    for style in styles[1:]:
        if style.generator.config != first:
            raise ITPortraitError(
                f"The generators {styles[0].name!r} and {style.name!r} have different shapes or settings;"
                " show styles of one base together."
            )


def decoder_matrices(generator: nn.Module) -> dict[str, Tensor]:
    """The decoder as it is applied: multipliers folded in, only density, red, green and blue kept.

    Returns:
        `w0 [hidden, C]`, `b0 [hidden]`, `w1 [4, hidden]` (density first), `b1 [4]`, float32; C and hidden are
        filled up to multiples of four with weights of 0 (and biases of -30, whose softplus is 1e-13).
    """
    first, second = generator.decoder.net[0], generator.decoder.net[2]
    w0, b0 = _folded(first)
    w1, b1 = _folded(second)
    hidden, channels = w0.shape
    wide, deep = -channels % 4, -hidden % 4
    return {
        "w0": F.pad(w0, (0, wide, 0, deep)),
        "b0": F.pad(b0, (0, deep), value=-30.0),
        "w1": F.pad(w1[: 1 + COLOURS], (0, deep)),
        "b1": b1[: 1 + COLOURS],
    }


def _folded(layer: nn.Module) -> tuple[Tensor, Tensor]:
    scale = layer.lr_multiplier / layer.weight.shape[1] ** 0.5
    return layer.weight.detach().float() * scale, layer.bias.detach().float() * layer.lr_multiplier


def to_texels(planes: Tensor) -> Tensor:
    """Planes `[3, C, H, W]` -> texels `[3, C/4, H, W, 4]` of a texture with a layer for four channels."""
    padded = F.pad(planes, (0, 0, 0, 0, 0, -planes.shape[1] % 4))
    return padded.unflatten(1, (-1, 4)).permute(0, 1, 3, 4, 2).contiguous()


def _quads(count: int) -> int:
    return -(-count // 4)


def _planes(generator: nn.Module, ws: Tensor) -> Tensor:
    device = next(generator.parameters()).device
    planes = generator.planes(ws.to(device))[0].float().cpu()
    check_drawn(planes, "The head")
    return planes


def _write(
    header: dict[str, Any], styles: Sequence[Style], fields: list[list[Tensor]], side: int, eight: bool
) -> bytes:
    arrays = Arrays()
    generators = []
    for style, planes in zip(styles, fields, strict=True):
        decoder = {name: arrays.add(value) for name, value in decoder_matrices(style.generator).items()}
        generators.append(
            {
                "name": style.name[:120],
                "license": style.license[:2000],
                "decoder": decoder,
                "planes": [_store(arrays, one, side, eight) for one in planes],
            }
        )
    return to_bytes({**header, "side": side, "generators": generators}, arrays)


def _store(arrays: Arrays, planes: Tensor, side: int, eight: bool) -> dict[str, int]:
    """Keep planes in half precision, or in bytes with a scale and an offset for each channel."""
    if side != planes.shape[-1]:
        planes = F.interpolate(planes, (side, side), mode="area")
    if not eight:
        return {"texels": arrays.add(to_texels(planes.clamp(-65504, 65504).half()))}
    low = planes.amin(dim=(2, 3), keepdim=True)
    step = ((planes.amax(dim=(2, 3), keepdim=True) - low) / 255).clamp_min(1e-12)
    texels = to_texels(((planes - low) / step).round().to(torch.uint8))
    spread = [to_texels(value).flatten(1) for value in (step, low)]  # [3, C]
    return {"texels": arrays.add(texels), "step": arrays.add(spread[0]), "low": arrays.add(spread[1])}
