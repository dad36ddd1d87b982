"""Our file of weights: one safetensors file whose header says what it holds (docs/formats.md#models).

The header's metadata are strings: `format_version`, `family`, `config` (JSON), `lineage` (JSON), `license`,
`source`. A family is a pair of classes, used as `module_class(config_class.from_dict(config), seed=None)`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ITPortraitError
from ..networks import families
from ..networks.generator3d import Generator3D
from . import building, embedded, hashes, plain_json
from .downloads import where
from .lineage_check import check_lineage
from .tensor_file import TensorFile, check_finite, open_tensors, write_tensors

FORMAT_VERSION = "1"


@dataclass(frozen=True)
class Header:
    """What a file says about itself."""

    family: str
    """Kind of network, as registered: "eg3d", "stylegan2", ..."""
    config: dict[str, Any]
    """Settings that build the network."""
    lineage: dict[str, Any]
    """Where the weights come from: base hash, style image hash, text, settings, seed, code version."""
    license: str
    """Licence of the weights; empty when unknown."""
    source: str
    """Name or address of the original; empty when unknown."""
    format_version: str
    """Version of this file format."""


def save_model(
    module: nn.Module,
    path: str | os.PathLike[str],
    *,
    family: str,
    lineage: Mapping[str, Any] | None = None,
    license: str | None = None,
    source: str | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write a module whose `config` has `to_dict`; a failed write leaves nothing behind.

    Args:
        module: the network; its tensors are written from wherever they are.
        path: the new file; one of that name is replaced at the last moment.
        family: name of the kind of network.
        lineage: JSON values about the origin.
        license: licence of the weights.
        source: name or address of the original.
        dtype: storage type of floating-point tensors, e.g. torch.float16; None keeps them. A tensor with
            values beyond its range keeps its own: batch variances may grow large.

    Returns:
        The path.

    Raises:
        ITPortraitError: when the file cannot be written.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> itp.save_model(G, "network.safetensors", family="eg3d", license="Apache-2.0").name
        'network.safetensors'
    """
    tensors = {}
    for key, value in module.state_dict().items():
        check_finite(value, f"The weight {key}")
        value = stored_as(value.detach().cpu(), dtype)
        tensors[key] = value.clone(memory_format=torch.contiguous_format)
    metadata = header_metadata(family, module.config.to_dict(), lineage, license, source)
    return write_tensors(tensors, path, metadata)


def stored_as(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A tensor as it is stored: in another floating-point type, where that holds all its values."""
    if dtype is None or not value.is_floating_point():
        return value
    fits = value.numel() == 0 or float(value.abs().max()) <= torch.finfo(dtype).max
    return value.to(dtype) if fits else value


def header_metadata(
    family: str,
    config: Mapping[str, Any],
    lineage: Mapping[str, Any] | None = None,
    license: str | None = None,
    source: str | None = None,
) -> dict[str, str]:
    """The strings that a file says about itself; arguments as in `save_model`, `config` as JSON values."""
    return {
        "software": "itportrait",
        "format_version": FORMAT_VERSION,
        "family": family,
        "config": json.dumps(dict(config), sort_keys=True),
        "lineage": json.dumps(dict(lineage or {}), sort_keys=True),
        "license": license or "",
        "source": source or "",
    }


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read what a file says about itself, without its tensors.

    Raises:
        ITPortraitError: for a missing, damaged or foreign file, or a format version that is not known.
    """
    with open_tensors(path) as file:
        return _header(file)


def _header(file: TensorFile) -> Header:
    path, metadata = file.path, file.metadata()
    missing = {"format_version", "family", "config"} - set(metadata)
    if missing:
        raise ITPortraitError(
            f"{path} holds no ITportrait model (its header lacks {', '.join(sorted(missing))}); "
            "bring other checkpoints in with the importer first."
        )
    version = metadata["format_version"]
    if version != FORMAT_VERSION:
        raise ITPortraitError(
            f"{path} has format version {version!r}; this software reads {FORMAT_VERSION!r}; update it."
        )
    config = plain_json.parse_object(metadata["config"], f"The settings in {path}")
    lineage = plain_json.parse_object(metadata.get("lineage", "{}"), f"The lineage in {path}")
    check_lineage(lineage, str(path))
    return Header(
        metadata["family"], config, lineage, metadata.get("license", ""), metadata.get("source", ""), version
    )


def load_model(path: str | os.PathLike[str], device: torch.device | str = "cpu") -> nn.Module:
    """Build the network that a file holds: eval mode, no gradients, float32 whatever the storage type.

    Raises:
        ITPortraitError: for a missing, damaged or foreign file, an unknown family, or tensors that differ.

    Example:
        >>> path = itp.save_model(itp.load_generator("pocket"), "network.safetensors", family="eg3d")
        >>> itp.load_model(path).training
        False
    """
    with open_tensors(path) as file:
        header = _header(file)
        module = building.build(header.family, header.config, file)
    return module.to(device).eval().requires_grad_(False)


def read_into(module: nn.Module, path: str | os.PathLike[str]) -> None:
    """Copy a file's tensors into a module of the same names and shapes, tensor by tensor.

    Raises:
        ITPortraitError: naming the first tensors that are missing, unknown or of another shape.
    """
    with open_tensors(path) as file:
        building.compare(module.state_dict(), file)
        building.fill(module, file)


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 over family, config and tensors, whatever the lineage. Reads one tensor at a time."""
    with open_tensors(path) as file:
        header = _header(file)
        named = ((key, file.get_tensor(key)) for key in sorted(file.keys()))
        return hashes.of_stored([header.family, header.config], named)


def save_generator(
    generator: Generator3D,
    path: str | os.PathLike[str],
    lineage: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
    license: str | None = None,
    source: str | None = None,
) -> Path:
    """Write a 3D generator; see `save_model`.

    Example:
        >>> path = itp.save_generator(itp.load_generator("pocket"), "mine.safetensors", dtype=torch.float16)
        >>> itp.load_generator(path).family
        'eg3d'
    """
    return save_model(
        generator, path, family=generator.family, lineage=lineage, dtype=dtype, license=license, source=source
    )


def load_generator(
    name_or_path: str | os.PathLike[str], device: torch.device | str = "cpu", *, half: bool = False
) -> Generator3D:
    """Load a 3D generator: "pocket" for the embedded one, or a file.

    Args:
        half: compute super-resolution's features in half precision, where the device can.

    Raises:
        ITPortraitError: as `load_model`, or when the file holds another kind of network.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front())
        >>> views = G.synthesis(ws.repeat(3, 1, 1), itp.cameras.orbit([-30.0, 0.0, 30.0])).image
        >>> tuple(views.shape) == (3, 3, G.resolution, G.resolution)
        True
    """
    path = name_or_path
    if name_or_path == "pocket":
        path = embedded.path("generator")
    if not os.path.isfile(path):
        raise ITPortraitError(f"There is no 3D generator at {path}. {where('eg3d')}")
    header = read_header(path)
    if header.family not in families.NAMES:
        raise ITPortraitError(
            f"{path} holds a {header.family!r} network; a 3D generator ({' or '.join(families.NAMES)}) is"
            " needed here."
        )
    generator: Generator3D = load_model(path, device)
    generator.lineage = dict(header.lineage)
    for layer in families.layers_of(generator):
        layer.superresolution.half = half
    return generator
