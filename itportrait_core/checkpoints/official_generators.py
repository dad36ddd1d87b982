"""Generators in official files: EG3D and StyleGAN2-ADA pickles, rosinality StyleGAN2.

See docs/eg3d.md#official-pickles and docs/checkpoints.md#stylegan2.
."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..errors import ITPortraitError
from ..networks.eg3d import EG3DGenerator
from ..networks.eg3d_config import OFFICIAL_AXES, Axes, EG3DConfig
from ..networks.panohead import PanoHeadConfig, PanoHeadGenerator
from ..networks.stylegan2 import StyleGAN2Generator
from . import licenses
from .found import FoundNetwork, PlainConfig, fit, json_value, read
from .stored import Record, StoredTensor, module_tensors
from .stylegan2_names import from_rosinality, infer_config

TRAINING_BUFFERS = ("dataset_label_std",)
"""Left in snapshots by the training loop; of no use afterwards."""
CAMERA_CORRECTION = "t_mapping."
"""Part of PanoHead that rendering does not use."""


def is_network_pickle(value: Any) -> bool:
    """Whether the object is the dict of NVIDIA's training snapshots."""
    return isinstance(value, dict) and isinstance(value.get("G_ema"), Record)


def from_network_pickle(value: dict[str, Any], discriminator: bool = False) -> list[FoundNetwork]:
    """The averaged generator of a snapshot, and its discriminator if asked for.

    Raises:
        ITPortraitError: for a generator of an unknown architecture.
    """
    generator = value["G_ema"]
    tensors = read(module_tensors(generator))
    children = set(generator.attribute("_modules") or {})
    if {"backbone", "superresolution", "decoder"} <= children:
        networks = [_eg3d(generator, tensors)]
    elif {"mapping", "synthesis"} <= children:
        networks = [_stylegan2(generator, tensors)]
    else:
        raise ITPortraitError(
            f"The pickle holds a {generator.name!r} with the parts {', '.join(sorted(map(str, children)))}; "
            "known are EG3D and StyleGAN2-ADA."
        )
    if discriminator:
        networks.append(_discriminator(value.get("D"), networks[0]))
    return networks


def from_rosinality_file(value: dict[str, Any]) -> list[FoundNetwork]:
    """`g_ema` of rosinality's file, under NVIDIA's names."""
    average = value.get("latent_avg")
    average = average.tensor() if isinstance(average, StoredTensor) else None
    return [rosinality_generator(value["g_ema"], average, "rosinality StyleGAN2 file")]


def rosinality_generator(
    state: Mapping[str, StoredTensor], latent_avg: Tensor | None, kind: str, suffix: str = ""
) -> FoundNetwork:
    """A generator with rosinality's names: alone in a file, or as the decoder beside an encoder."""
    tensors = from_rosinality(read(state), latent_avg)
    config = infer_config(tensors)
    fitted = fit(StyleGAN2Generator, config, tensors)
    return FoundNetwork("stylegan2", config, fitted, kind, licenses.STYLEGAN2, suffix)


def plane_axes(matrices: Tensor) -> Axes:
    """World axes of each plane from the stored matrices [3, 3, 3] (docs/eg3d.md#tri-planes).

    A point is multiplied by the inverse of a plane's matrix, of which the first two coordinates are used; the
    matrices are permutations, so that this picks two world axes.

    Raises:
        ITPortraitError: for planes that are not parallel to the axes.
    """
    rows = matrices[:, :2].float()
    if (
        matrices.shape != (3, 3, 3)
        or not ((rows == 0) | (rows == 1)).all()
        or not (rows.sum(dim=2) == 1).all()
    ):
        raise ITPortraitError(
            "The tri-planes of this generator are not parallel to the axes; that is not supported."
        )
    first, second, third = (tuple(pair) for pair in rows.argmax(dim=2).tolist())
    return first, second, third


def eg3d_config(
    init_kwargs: Mapping[str, Any],
    attributes: Mapping[str, Any],
    axes: Axes,
    shapes: Mapping[str, tuple[int, ...]],
    kind: type[EG3DConfig] = EG3DConfig,
    **more: Any,
) -> EG3DConfig:
    """Settings from the constructor arguments, the generator's attributes and, above both, the shapes.

    `more` are fields of `kind` that EG3D does not have.
    """
    layers = init_kwargs.get("mapping_kwargs", {}).get("num_layers", 8)
    if layers != sum(re.fullmatch(r"backbone\.mapping\.fc\d+\.weight", name) is not None for name in shapes):
        raise ITPortraitError("The pickle holds another number of mapping layers than its settings say.")
    sides = [int(m[1]) for name in shapes if (m := re.match(r"backbone\.synthesis\.b(\d+)\.", name))]
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


def panohead_config(
    init_kwargs: Mapping[str, Any],
    attributes: Mapping[str, Any],
    axes: Axes,
    shapes: Mapping[str, tuple[int, ...]],
) -> PanoHeadConfig:
    """As `eg3d_config`, for tri-grids.

    Raises:
        ITPortraitError: for grids that lie otherwise than PanoHead's.
    """
    if axes != PanoHeadConfig.plane_axes:
        raise ITPortraitError(
            f"The tri-grids lie along the axes {axes}; only PanoHead's own order is supported."
        )
    rendering = attributes.get("rendering_kwargs") or init_kwargs["rendering_kwargs"]
    grids = 3 * shapes["decoder.net.0.weight"][1]
    config = eg3d_config(
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
    assert isinstance(config, PanoHeadConfig)
    return config


def _eg3d(generator: Record, tensors: dict[str, Tensor]) -> FoundNetwork:
    renderer = _child(generator, "renderer")
    stored = renderer.attribute("plane_axes") if renderer else None
    tensors = {
        name: value
        for name, value in tensors.items()
        if name not in TRAINING_BUFFERS and not name.startswith(CAMERA_CORRECTION)
    }
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    panohead = "triplane_depth" in (generator.attribute("rendering_kwargs") or {})
    default = PanoHeadConfig.plane_axes if panohead else OFFICIAL_AXES
    axes = plane_axes(stored.tensor()) if isinstance(stored, StoredTensor) else default
    read_config = panohead_config if panohead else eg3d_config
    config = read_config(generator.attribute("_init_kwargs") or {}, generator.state, axes, shapes)
    details = {"rendering_kwargs": json_value(generator.attribute("rendering_kwargs"))}
    network = PanoHeadGenerator if panohead else EG3DGenerator
    terms = licenses.PANOHEAD if panohead else licenses.EG3D
    label = "PanoHead pickle" if panohead else "EG3D pickle"
    return FoundNetwork(network.family, config, fit(network, config, tensors), label, terms, details=details)


def _stylegan2(generator: Record, tensors: dict[str, Tensor]) -> FoundNetwork:
    layer = generator
    for name in ("synthesis", "b4", "conv1"):
        layer = _child(layer, name) or Record("")
    config = infer_config(tensors, layer.attribute("conv_clamp"))
    fitted = fit(StyleGAN2Generator, config, tensors)
    return FoundNetwork("stylegan2", config, fitted, "StyleGAN2-ADA pickle", licenses.STYLEGAN2)


def _discriminator(value: Any, generator: FoundNetwork) -> FoundNetwork:
    if not isinstance(value, Record):
        raise ITPortraitError("The pickle holds no discriminator; import it without.")
    config = PlainConfig({"init_kwargs": json_value(value.attribute("_init_kwargs")), "class": value.name})
    return FoundNetwork(
        f"{generator.family}_discriminator",
        config,
        read(module_tensors(value)),
        generator.kind,
        generator.license,
        "-discriminator",
    )


def _child(module: Record, name: str) -> Record | None:
    """A sub-module; None where there is none."""
    child = (module.attribute("_modules") or {}).get(name)
    return child if isinstance(child, Record) else None
