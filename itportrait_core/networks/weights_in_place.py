"""A generator with other values of its parameters: for one call, with gradients, or as a copy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from .generator3d import G

T = TypeVar("T")


class _Call(nn.Module):
    """Runs any function of the generator inside, so that `functional_call` can exchange its weights."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, function: Callable[[nn.Module], T]) -> T:
        return function(self.generator)


def with_weights(generator: G, weights: Mapping[str, Tensor], function: Callable[[G], T]) -> T:
    """`function(generator)` while these parameters, by name, have other values; differentiable in them."""
    named = {f"generator.{name}": value for name, value in weights.items()}
    result: T = torch.func.functional_call(_Call(generator), named, (function,))
    return result


@torch.no_grad()
def copy_with_weights(generator: G, weights: Mapping[str, Tensor]) -> G:
    """A copy whose parameters, by name, have other values."""
    twin = copy.deepcopy(generator)
    own = dict(twin.named_parameters())
    for name, value in weights.items():
        own[name].copy_(value)
    return twin
