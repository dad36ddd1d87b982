"""Generators in official files: EG3D and StyleGAN2-ADA pickles, rosinality StyleGAN2.

See docs/eg3d.md#official-pickles and docs/checkpoints.md#stylegan2.
."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from torch import Tensor

from ..errors import ITPortraitError
from ..networks import families
from ..networks.eg3d_config import Axes
from ..networks.stylegan2 import StyleGAN2Generator
from . import licenses
from .found import FoundNetwork, PlainConfig, fit, json_value, read
from .stored import Record, StoredTensor, module_tensors
from .stylegan2_names import from_rosinality, infer_config


def is_network_pickle(value: object) -> TypeGuard[dict[str, Any]]:
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


def _eg3d(generator: Record, tensors: dict[str, Tensor]) -> FoundNetwork:
    """A generator of one of the registered 3D families."""
    rendering = generator.attribute("rendering_kwargs") or {}
    family = families.recognise(rendering)
    official = family.official
    tensors = {name: value for name, value in tensors.items() if not name.startswith(official.unused)}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    renderer = _child(generator, "renderer")
    stored = renderer.attribute("plane_axes") if renderer else None
    axes = plane_axes(stored.tensor()) if isinstance(stored, StoredTensor) else official.axes
    config = official.read_config(generator.attribute("_init_kwargs") or {}, generator.state, axes, shapes)
    details = {"rendering_kwargs": json_value(generator.attribute("rendering_kwargs"))}
    fitted = fit(family.generator, config, tensors)
    return FoundNetwork(family.name, config, fitted, official.label, official.license, details=details)


def _stylegan2(generator: Record, tensors: dict[str, Tensor]) -> FoundNetwork:
    layer = generator
    for name in ("synthesis", "b4", "conv1"):
        layer = _child(layer, name) or Record("")
    config = infer_config(tensors, layer.attribute("conv_clamp"))
    fitted = fit(StyleGAN2Generator, config, tensors)
    return FoundNetwork("stylegan2", config, fitted, "StyleGAN2-ADA pickle", licenses.STYLEGAN2)


def _discriminator(value: object, generator: FoundNetwork) -> FoundNetwork:
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
