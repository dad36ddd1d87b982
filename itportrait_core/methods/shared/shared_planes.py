"""Planes that several generators have in common, made once."""

from __future__ import annotations

import torch
from torch import Tensor

from ...networks.families import family_of
from ...networks.generator3d import Generator3D
from .trainable import trained_parameters


class SharedPlanes:
    """The planes of all generators whose backbones are equal and stay so, as where decoder and
    super-resolution alone are trained (3D-Adapter)."""

    def __init__(self, *generators: Generator3D) -> None:
        """Of none, or of generators with other backbones, each makes its own."""
        backbones = [_backbone(one) for one in generators]
        equal = all(_equal(backbones[0], one) for one in backbones[1:])
        shared = len(generators) > 1 and equal and not any(map(_is_trained, generators))
        self.generator = generators[0] if shared else None

    @torch.no_grad()
    def of(self, ws: Tensor) -> Tensor | None:
        """Planes of `ws` for all of them; None where each makes its own."""
        return None if self.generator is None else self.generator.planes(ws)


def _backbone(generator: Generator3D) -> dict[str, Tensor]:
    part_of = family_of(generator).names.part_of
    return {name: value for name, value in generator.state_dict().items() if part_of(name) == "synthesis"}


def _is_trained(generator: Generator3D) -> bool:
    part_of = family_of(generator).names.part_of
    return any(part_of(name) == "synthesis" for name in trained_parameters(generator))


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
