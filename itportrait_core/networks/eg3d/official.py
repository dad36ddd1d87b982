"""Settings of a published EG3D generator, from its pickle (docs/eg3d.md#official-pickles)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import ITPortraitError
from ..eg3d_config import OFFICIAL_AXES, Axes, EG3DConfig
from ..family import Official, Shapes

LICENSE = (
    "NVIDIA Source Code License for EG3D: research and evaluation only, non-commercial; "
    "derived weights carry the same terms."
)


def read_config(
    init_kwargs: Mapping[str, Any],
    attributes: Mapping[str, Any],
    axes: Axes,
    shapes: Shapes,
    kind: type[EG3DConfig] = EG3DConfig,
    **more: object,
) -> EG3DConfig:
    """Settings from the constructor arguments, the generator's attributes and, above both, the shapes.

    `more` are fields of `kind` that EG3D does not have.
    """
    layers = init_kwargs.get("mapping_kwargs", {}).get("num_layers", 8)
    if layers != sum(re.fullmatch(r"backbone\.mapping\.fc\d+\.weight", name) is not None for name in shapes):
        raise ITPortraitError("The pickle holds another number of mapping layers than its settings say.")
    sides = [int(m[1]) for name in shapes if (m := re.match(r"backbone\.synthesis\.b([0-9]{1,5})\.", name))]
    config = kind.from_official(
        init_kwargs,
        attributes.get("rendering_kwargs"),
        neural_rendering_resolution=int(attributes.get("neural_rendering_resolution", 64)),
        plane_axes=axes,
        backbone_resolution=max(sides),
        plane_channels=shapes["decoder.net.0.weight"][1],
        decoder_hidden=shapes["decoder.net.0.weight"][0],
        **more,
    )
    first, second = (shapes[f"superresolution.block{i}.conv1.weight"][0] for i in (0, 1))
    side = shapes["superresolution.block0.conv1.noise_const"][0]
    module = replace(
        config.superresolution,
        channels=(first, second),
        input_resolution=side // config.superresolution.up[0],
        has_filter="superresolution.resample_filter" in shapes,
    )
    return replace(config, superresolution=module)


OFFICIAL = Official(
    label="EG3D pickle",
    license=LICENSE,
    recognise=lambda rendering_kwargs: True,
    read_config=read_config,
    axes=OFFICIAL_AXES,
    unused=("dataset_label_std",),  # left in snapshots by the training loop
)
