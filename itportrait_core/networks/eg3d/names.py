"""What the names of EG3D's parameters say (docs/method.md#latent-layers)."""

from __future__ import annotations

from ..family import Names

PARTS = {
    "synthesis": "backbone.synthesis.",
    "superresolution": "superresolution.",
    "decoder": "decoder.",
}


def latent_of(name: str, num_ws: int) -> int | None:
    """The latent that steers a parameter; None for decoder and mapping.

    Block `b4` has conv1 at latent 0 and its RGB at 1; block `b(4*2^k)` has conv0 at 2k-1, conv1 at 2k and
    its RGB at 2k+1. All of super-resolution uses the last latent.
    """
    if name.startswith(PARTS["superresolution"]):
        return num_ws - 1
    if not name.startswith(PARTS["synthesis"]):
        return None
    level = side_of(name).bit_length() - 3  # b4 -> 0, b8 -> 1
    return {"conv0": 2 * level - 1, "conv1": 2 * level, "torgb": 2 * level + 1}.get(_layer(name), 0)


def side_of(name: str) -> int:
    """Side of the feature map of a synthesis block, from `backbone.synthesis.b64.conv0.weight`."""
    return int(name.split(".")[2].removeprefix("b"))


def writes_planes(name: str) -> bool:
    """Whether a parameter is of a to-RGB layer, whose output is added to the planes."""
    return _layer(name) == "torgb"


def _layer(name: str) -> str:
    return name.split(".")[3]


NAMES = Names(PARTS, latent_of, side_of, writes_planes)
