"""Encoders, face pose, face identity and LPIPS trunks in the official files (docs/checkpoints.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from ..errors import ITPortraitError
from ..networks.arcface import IdentityConfig, IdentityNet
from ..networks.encoders import StyleEncoder, StyleEncoderConfig
from ..networks.pose import DEEP3D_HEADS, PoseConfig, PoseNet
from . import licenses
from .found import FoundNetwork, PlainConfig, fit, json_value, read
from .official_generators import rosinality_generator
from .stored import Record, StoredTensor

ENCODER_KINDS = {
    "Encoder4Editing": "e4e",
    "GradualStyleEncoder": "psp",
    "BackboneEncoder": "restyle_psp",
    "ProgressiveBackboneEncoder": "restyle_e4e",
}
"""Kind by `opts.encoder_type`; the two of each pair cannot be told apart by their weights."""
TRUNKS = {
    "vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "alex": (0, 3, 6, 8, 10),
}
"""Numbers of the convolutions among torchvision's `features`."""


def from_encoder_file(value: dict[str, Any], state: Mapping[str, StoredTensor]) -> list[FoundNetwork]:
    """The encoder in a file with the weights `state`, and the generator that is embedded beside it.

    Raises:
        ITPortraitError: for an encoder of an unknown type.
    """
    options = value.get("opts")
    options = options.state if isinstance(options, Record) else options
    options = options if isinstance(options, dict) else {}
    type_name = json_value(options.get("encoder_type"))
    kind = ENCODER_KINDS.get(type_name) if isinstance(type_name, str) else None
    if not options:
        raise ITPortraitError(
            "The encoder file has no 'opts', which name the type of the encoder; the weights alone do not "
            f"tell {', '.join(ENCODER_KINDS)} apart. Get the complete file of the encoder's own page."
        )
    if kind is None:
        raise ITPortraitError(
            f"The encoder is of type {type_name!r:.80}; known are {', '.join(ENCODER_KINDS)}."
        )
    encoder, decoder = _part(state, "encoder."), _part(state, "decoder.")
    average = value.get("latent_avg")
    average = average.tensor().float() if isinstance(average, StoredTensor) else None
    tensors = read(encoder)
    config = encoder_config(kind, {name: tuple(t.shape) for name, t in tensors.items()}, options)
    whole = config.style_count, config.code_dim
    tensors["latent_avg"] = torch.zeros(1, 1).expand(whole)  # takes no memory before sizes are compared
    starts_there = options.get("start_from_latent_avg", True)
    if average is None and starts_there and "start_from_latent_avg" in options:
        raise ITPortraitError(
            "The encoder starts from the mean latent (start_from_latent_avg), but the file holds no "
            "'latent_avg'; get the complete file of the encoder's own page."
        )
    if average is not None and starts_there:
        tensors["latent_avg"] = average.reshape(-1, config.code_dim).expand(whole)
    label = f"{type_name} file"
    details = {"opts": json_value(options)}
    fitted = fit(StyleEncoder, config, tensors)
    networks = [FoundNetwork("style_encoder", config, fitted, label, licenses.ENCODER, details=details)]
    if decoder:
        networks.append(rosinality_generator(decoder, average, f"decoder of {label}", "-generator"))
    return networks


def encoder_config(
    kind: str, shapes: Mapping[str, tuple[int, ...]], options: Mapping[str, Any]
) -> StyleEncoderConfig:
    """Sizes of an encoder from the shapes of its tensors."""
    widths, units = trunk_groups(shapes)
    depths: list[int] = []
    while f"styles.{len(depths)}.linear.weight" in shapes:
        prefix = f"styles.{len(depths)}.convs."
        depths.append(sum(name.startswith(prefix) and name.endswith(".weight") for name in shapes))
    if not depths:
        raise ITPortraitError("The encoder has no style blocks; is it of another architecture?")
    return StyleEncoderConfig(
        kind=kind,
        input_channels=shapes["input_layer.0.weight"][1],
        input_size=1 << depths[0] + len(widths),
        widths=widths,
        units=units,
        style_count=len(depths),
        code_dim=shapes["styles.0.linear.weight"][0],
        style_width=shapes["styles.0.linear.weight"][1],
        coarse_count=depths.count(depths[0]) if not kind.startswith("restyle") else 0,
        middle_count=depths.count(depths[0] + 1),
        steps=int(options.get("n_iters_per_batch", 5)),
    )


def trunk_groups(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and unit counts of an IR-SE trunk; a group starts where the width changes.

    Raises:
        ITPortraitError: for another kind of trunk, such as the ResNet-34 of non-face encoders.
    """
    widths: list[int] = []
    units: list[int] = []
    number = 0
    while (shape := shapes.get(f"body.{number}.res_layer.1.weight")) is not None:
        if not widths or shape[0] != widths[-1]:
            widths.append(shape[0])
            units.append(0)
        units[-1] += 1
        number += 1
    if not widths or "input_layer.0.weight" not in shapes:
        raise ITPortraitError(
            "The network has no IR-SE trunk; ResNet-34 encoders (not for faces) are not supported."
        )
    return tuple(widths), tuple(units)


def from_pose_file(value: dict[str, Any]) -> list[FoundNetwork]:
    """`net_recon` of Deep3DFaceRecon."""
    tensors = read(value["net_recon"])
    blocks: list[int] = []
    while f"backbone.layer{len(blocks) + 1}.0.conv1.weight" in tensors:
        pattern = re.compile(rf"backbone\.layer{len(blocks) + 1}\.\d+\.conv1\.weight")
        blocks.append(sum(pattern.fullmatch(name) is not None for name in tensors))
    if "backbone.conv1.weight" not in tensors:
        raise ITPortraitError("net_recon has no ResNet backbone; is it Deep3DFaceRecon's epoch_*.pth?")
    config = PoseConfig(224, tuple(blocks), tensors["backbone.conv1.weight"].shape[0], DEEP3D_HEADS)
    fitted = fit(PoseNet, config, tensors)
    return [FoundNetwork("pose", config, fitted, "Deep3DFaceRecon file", licenses.DEEP3D)]


def from_identity_file(value: Mapping[str, StoredTensor]) -> list[FoundNetwork]:
    """The flat state dict of `model_ir_se50.pth`."""
    tensors = read(value)
    widths, units = trunk_groups({name: tuple(t.shape) for name, t in tensors.items()})
    embedding, flat = tensors["output_layer.3.weight"].shape
    config = IdentityConfig(math.isqrt(flat // widths[-1]) << len(widths), widths, units, embedding)
    return [
        FoundNetwork("identity", config, fit(IdentityNet, config, tensors), "IR-SE50 file", licenses.ARCFACE)
    ]


def from_trunk_file(value: Mapping[str, StoredTensor]) -> list[FoundNetwork]:
    """The convolutions of torchvision's VGG16 or AlexNet, as LPIPS needs them.

    Raises:
        ITPortraitError: for another torchvision network.
    """
    weights = {name: tensor for name, tensor in value.items() if name.startswith("features.")}
    for net, layers in TRUNKS.items():
        if set(weights) == {f"features.{n}.{part}" for n in layers for part in ("weight", "bias")}:
            config = PlainConfig({"net": net})
            return [
                FoundNetwork("perceptual", config, read(weights), f"torchvision {net}", licenses.TORCHVISION)
            ]
    raise ITPortraitError(
        "The file holds a torchvision network other than VGG16 (without batch norm) and AlexNet."
    )


def _part(state: Mapping[str, StoredTensor], prefix: str) -> dict[str, StoredTensor]:
    """Tensors below a prefix, which is cut off."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
