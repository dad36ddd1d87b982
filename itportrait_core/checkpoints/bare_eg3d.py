"""EG3D's weights under their published names with nothing around them, as people pass them on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..networks import families
from .found import FoundNetwork, fit, read
from .stored import StoredTensor

FACES = {
    "c_scale": 1.0,
    "ray_start": 2.25,
    "ray_end": 3.3,
    "box_warp": 1.0,
    "depth_resolution": 48,
    "depth_resolution_importance": 48,
}
"""Rendering of the published models of faces and cats."""
CARS = {
    "c_scale": 1.0,
    "ray_start": 0.1,
    "ray_end": 2.6,
    "box_warp": 1.6,
    "white_back": True,
    "depth_resolution": 64,
    "depth_resolution_importance": 64,
    "avg_camera_radius": 1.7,
    "avg_camera_pivot": (0.0, 0.0, 0.0),
    "c_gen_conditioning_zero": True,
}
"""Rendering of the published model of cars, the only one with pictures of 128 pixels."""


def is_eg3d_state(state: Mapping[str, object]) -> bool:
    """Whether names are those of EG3D's weights without anything around them."""
    names = ("backbone.synthesis.b4.const", "decoder.net.0.weight", "superresolution.block0.conv1.weight")
    return all(name in state for name in names)


def from_eg3d_state(state: Mapping[str, StoredTensor]) -> list[FoundNetwork]:
    """EG3D's weights under their published names, without the settings that a pickle holds beside them.

    Sizes come from the shapes; what shapes do not tell is as in the published model of that picture size.
    """
    family = families.family("eg3d")
    official = family.official
    tensors = {name: value for name, value in read(state).items() if not name.startswith(official.unused)}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    config = official.read_config(bare_init_kwargs(shapes), {}, official.axes, shapes)
    side = 64 if config.superresolution.input_resolution <= 64 else 128
    config = replace(config, neural_rendering_resolution=min(side, config.superresolution.input_resolution))
    details = {"assumed": "settings of the published model of this size; the file holds weights alone"}
    fitted = fit(family.generator, config, tensors)
    return [FoundNetwork(family.name, config, fitted, "EG3D weights", official.license, details=details)]


def bare_init_kwargs(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Constructor arguments that the shapes of EG3D's weights imply."""
    layers = sum(re.fullmatch(r"backbone\.mapping\.fc\d+\.weight", name) is not None for name in shapes)
    embedded, c_dim = shapes.get("backbone.mapping.embed.weight", (0, 0))
    width, inputs = shapes["backbone.mapping.fc0.weight"]
    block = re.compile(r"backbone\.synthesis\.b([0-9]{1,5})\.conv1\.weight")
    matched = ((block.fullmatch(name), shape) for name, shape in shapes.items())
    widths = {int(match[1]): shape[0] for match, shape in matched if match}
    narrow = [side * channels for side, channels in widths.items() if channels < max(widths.values())]
    picture = shapes["superresolution.block1.conv1.noise_const"][0]
    first = shapes["superresolution.block0.conv1.weight"][0]
    large = "SuperresolutionHybrid8XDC" if first >= 256 else "SuperresolutionHybrid8X"
    module = {128: "SuperresolutionHybrid2X", 256: "SuperresolutionHybrid4X"}.get(picture, large)
    w_dim = shapes[f"backbone.mapping.fc{layers - 1}.weight"][0]
    rendering = {**(CARS if picture == 128 else FACES), "superresolution_module": module}
    return {
        "z_dim": inputs - embedded,
        "c_dim": c_dim,
        "w_dim": w_dim,
        "mapping_kwargs": {
            "num_layers": layers,
            "embed_features": embedded if embedded not in (0, w_dim) else None,
            "layer_features": width if layers > 1 and width != w_dim else None,
        },
        "channel_base": max(narrow, default=32768),
        "channel_max": max(widths.values()),
        "sr_num_fp16_res": 1,
        "rendering_kwargs": rendering,
    }
