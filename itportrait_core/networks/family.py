"""What the rest of the project must know of a family of 3D generators beside `Generator3D`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from .eg3d_config import Axes, EG3DConfig

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of tensors by name."""


@dataclass(frozen=True)
class Names:
    """What the names of a family's parameters say.

    Attributes:
        parts: part that can be trained -> beginning of its parameters' names.
        latent_of: name, num_ws -> the latent that steers a parameter, or None.
        side_of: name of a plane backbone's parameter -> side of its feature map, pixels.
        writes_planes: whether a parameter of the backbone writes planes, instead of features.
        style_bias: ending of the names of the constants of the style layers, `b` in `A w + b`.
    """

    parts: Mapping[str, str]
    latent_of: Callable[[str, int], int | None]
    side_of: Callable[[str], int]
    writes_planes: Callable[[str], bool]
    style_bias: str = "affine.bias"

    def part_of(self, name: str) -> str:
        """The part that a parameter belongs to; "" for what is never trained."""
        return next((part for part, start in self.parts.items() if name.startswith(start)), "")


@dataclass(frozen=True)
class Official:
    """How published files of a family are known and read.

    Attributes:
        label: what such a file is, for people.
        license: terms of its weights.
        recognise: `rendering_kwargs` of the stored generator -> whether it is of this family.
        read_config: constructor arguments, attributes, plane axes and shapes -> the config.
        axes: plane axes where the file does not say them.
        unused: beginnings of the names of tensors that rendering does not use.
    """

    label: str
    license: str
    recognise: Callable[[Mapping[str, Any]], bool]
    read_config: Callable[[Mapping[str, Any], Mapping[str, Any], Axes, Shapes], EG3DConfig]
    axes: Axes
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One family: `generator(config, seed=None)` builds a `Generator3D` without drawing its weights."""

    name: str
    config: type[EG3DConfig]
    generator: type[nn.Module]
    names: Names
    official: Official
