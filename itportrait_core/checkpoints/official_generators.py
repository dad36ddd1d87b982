"""Generators in official files: EG3D and StyleGAN2-ADA pickles, rosinality StyleGAN2 (spec/eg3d.md 15-16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..errors import ITPortraitError
from ..networks.eg3d import EG3DGenerator
from ..networks.eg3d_config import OFFICIAL_AXES, Axes, EG3DConfig
from ..networks.stylegan2 import StyleGAN2Generator
from . import licenses
from .found import FoundNetwork, PlainConfig, fit, json_value, read
from .stored import Record, StoredTensor, module_tensors
from .stylegan2_names import from_rosinality, infer_config

TRAINING_BUFFERS = ("dataset_label_std",)
"""Left in snapshots by the training loop; of no use afterwards."""


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
        found = [_eg3d(generator, tensors)]
    elif {"mapping", "synthesis"} <= children:
        found = [_stylegan2(generator, tensors)]
    else:
        raise ITPortraitError(
            f"The pickle holds a {generator.name!r} with the parts {', '.join(sorted(map(str, children)))}; "
            "known are EG3D and StyleGAN2-ADA."
        )
    if discriminator:
        found.append(_discriminator(value.get("D"), found[0]))
    return found


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


def plane_axes(matrices: Tensor | None) -> Axes:
    """World axes of each plane from the stored matrices [3, 3, 3] (spec/eg3d.md section 5).

    A point is multiplied by the inverse of a plane's matrix, of which the first two coordinates are used; the
    matrices are permutations, so that this picks two world axes.

    Raises:
        ITPortraitError: for planes that are not parallel to the axes.
    """
    if matrices is None:
        return OFFICIAL_AXES
    rows = matrices[:, :2].float()
    if (
        matrices.shape != (3, 3, 3)
        or not ((rows == 0) | (rows == 1)).all()
        or not (rows.sum(dim=2) == 1).all()
    ):
        raise ITPortraitError(
            "The tri-planes of this generator are not parallel to the axes; that is not supported."
        )
    u, v = rows.argmax(dim=2).T.tolist()
    return tuple(zip(u, v, strict=True))


def eg3d_config(
    init_kwargs: Mapping[str, Any],
    attributes: Mapping[str, Any],
    axes: Axes,
    shapes: Mapping[str, tuple[int, ...]],
) -> EG3DConfig:
    """Settings from the constructor arguments, the generator's attributes and, above both, the shapes."""
    sides = [int(m[1]) for name in shapes if (m := re.match(r"backbone\.synthesis\.b(\d+)\.", name))]
    config = EG3DConfig.from_official(
        init_kwargs,
        attributes.get("rendering_kwargs"),
        neural_rendering_resolution=int(attributes.get("neural_rendering_resolution", 64)),
        plane_axes=axes,
        backbone_resolution=max(sides),
        plane_channels=shapes["backbone.synthesis.b4.torgb.weight"][0] // 3,
        decoder_hidden=shapes["decoder.net.0.weight"][0],
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


def _eg3d(generator: Record, tensors: dict[str, Tensor]) -> FoundNetwork:
    renderer = _child(generator, "renderer")
    axes = renderer.attribute("plane_axes") if renderer else None
    tensors = {name: value for name, value in tensors.items() if name not in TRAINING_BUFFERS}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    try:
        config = eg3d_config(
            generator.attribute("_init_kwargs") or {},
            generator.state,
            plane_axes(axes.tensor() if isinstance(axes, StoredTensor) else None),
            shapes,
        )
    except (KeyError, TypeError) as error:
        raise ITPortraitError(
            f"The EG3D pickle is incomplete ({error} is missing); get the file again."
        ) from error
    details = {"rendering_kwargs": json_value(generator.attribute("rendering_kwargs"))}
    fitted = fit(EG3DGenerator, config, tensors)
    return FoundNetwork("eg3d", config, fitted, "EG3D pickle", licenses.EG3D, details=details)


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
