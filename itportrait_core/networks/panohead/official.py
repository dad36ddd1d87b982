"""Settings of a published PanoHead generator, from its pickle (docs/eg3d.md#panohead)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ITPortraitError
from ..eg3d.official import OFFICIAL as EG3D
from ..eg3d.official import read_config as read_eg3d_config
from ..eg3d_config import Axes, EG3DConfig
from ..family import Official, Shapes
from .generator import PanoHeadConfig

LICENSE = "CC BY-NC-SA and NVIDIA Source Code License: research and evaluation only, non-commercial."


def read_config(
    init_kwargs: Mapping[str, Any],
    attributes: Mapping[str, Any],
    axes: Axes,
    shapes: Shapes,
) -> EG3DConfig:
    """As EG3D's, for tri-grids.

    Raises:
        ITPortraitError: for grids that lie otherwise than PanoHead's.
    """
    if axes != PanoHeadConfig.plane_axes:
        raise ITPortraitError(
            f"The tri-grids lie along the axes {axes}; only PanoHead's own order is supported."
        )
    rendering = attributes.get("rendering_kwargs") or init_kwargs["rendering_kwargs"]
    grids = 3 * shapes["decoder.net.0.weight"][1]
    return read_eg3d_config(
        init_kwargs,
        attributes,
        axes,
        shapes,
        PanoHeadConfig,
        grid_depth=shapes["backbone.synthesis.b4.torgb.weight"][0] // grids,
        decoder_activation=str(rendering.get("decoder_activation", "sigmoid")),
        raw_to_rgb="torgb.weight" in shapes,
        background="bcg_synthesis.b4.const" in shapes,
    )


OFFICIAL = Official(
    label="PanoHead pickle",
    license=LICENSE,
    recognise=lambda rendering_kwargs: "triplane_depth" in rendering_kwargs,
    read_config=read_config,
    axes=PanoHeadConfig.plane_axes,
    unused=(*EG3D.unused, "t_mapping."),  # a camera correction that no published script calls
)
