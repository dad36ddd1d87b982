"""Planes that several generators have in common, made once."""

from __future__ import annotations

import torch
from torch import Tensor

from ...networks.families import family_of
from ...networks.generator3d import Generator3D


class SharedPlanes:
    """The planes of all generators whose backbones are equal and stay so, as where decoder and
    super-resolution alone are trained (3D-Adapter)."""

    def __init__(self, *generators: Generator3D) -> None:
        """Of none, or of generators with other backbones, each makes its own."""
        backbones = [_backbone(one) for one in generators]
        trained = any(weight.requires_grad for one in backbones for weight in one.values())
        equal = all(_equal(backbones[0], one) for one in backbones[1:])
        self.generator = generators[0] if len(generators) > 1 and not trained and equal else None

    @torch.no_grad()
    def of(self, ws: Tensor) -> Tensor | None:
        """Planes of `ws` for all of them; None where each makes its own."""
        return None if self.generator is None else self.generator.planes(ws)


def _backbone(generator: Generator3D) -> dict[str, Tensor]:
    part_of = family_of(generator).names.part_of
    own = [*generator.named_parameters(), *generator.named_buffers()]
    return {name: value for name, value in own if part_of(name) == "synthesis"}


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
