"""Generators in official files: EG3D and StyleGAN2-ADA pickles, rosinality StyleGAN2.

See docs/eg3d.md#official-pickles and docs/checkpoints.md#stylegan2.
."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from torch import Tensor

from ..errors import ITPortraitError
from ..networks.eg3d import EG3DGenerator
from ..networks.eg3d_config import OFFICIAL_AXES, Axes, EG3DConfig, RenderingConfig
from ..networks.panohead import PanoHeadConfig, PanoHeadGenerator
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


def is_eg3d_state(state: Mapping[str, Any]) -> bool:
    """Whether names are those of EG3D's weights without anything around them."""
    names = ("backbone.synthesis.b4.const", "decoder.net.0.weight", "superresolution.block0.conv1.weight")
    return all(name in state for name in names)


def from_eg3d_state(state: Mapping[str, StoredTensor]) -> list[FoundNetwork]:
    """EG3D's weights under their published names, without the settings that a pickle holds beside them.

    Sizes come from the shapes; what shapes do not tell is as in the published model of that picture size.
    """
    tensors = {name: value for name, value in read(state).items() if name not in TRAINING_BUFFERS}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    config = eg3d_config(bare_init_kwargs(shapes), {}, OFFICIAL_AXES, shapes)
    side = 64 if config.superresolution.input_resolution <= 64 else 128
    config = replace(config, neural_rendering_resolution=min(side, config.superresolution.input_resolution))
    details = {"assumed": "settings of the published model of this size; the file holds weights alone"}
    fitted = fit(EG3DGenerator, config, tensors)
    return [FoundNetwork("eg3d", config, fitted, "EG3D weights", licenses.EG3D, details=details)]


def bare_init_kwargs(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Constructor arguments that the shapes of EG3D's weights imply."""
    layers = sum(re.fullmatch(r"backbone\.mapping\.fc\d+\.weight", name) is not None for name in shapes)
    embedded, c_dim = shapes.get("backbone.mapping.embed.weight", (0, 0))
    width, inputs = shapes["backbone.mapping.fc0.weight"]
    matched = ((re.fullmatch(r"backbone\.synthesis\.b(\d+)\.conv1\.weight", n), s) for n, s in shapes.items())
    widths = {int(match[1]): shape[0] for match, shape in matched if match}
    narrow = [side * channels for side, channels in widths.items() if channels < max(widths.values())]
    picture = shapes["superresolution.block1.conv1.noise_const"][0]
    first = shapes["superresolution.block0.conv1.weight"][0]
    large = "SuperresolutionHybrid8XDC" if first >= 256 else "SuperresolutionHybrid8X"
    module = {128: "SuperresolutionHybrid2X", 256: "SuperresolutionHybrid4X"}.get(picture, large)
    w_dim = shapes[f"backbone.mapping.fc{layers - 1}.weight"][0]
    usual = RenderingConfig()
    rendering: dict[str, Any] = {
        "c_scale": usual.c_scale,
        "ray_start": usual.ray_start,
        "ray_end": usual.ray_end,
    }
    if picture == 128:  # the published model of this size draws cars
        rendering |= {"ray_start": "auto", "ray_end": "auto", "box_warp": 1.6, "white_back": True}
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
        "rendering_kwargs": {**rendering, "superresolution_module": module},
    }


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
