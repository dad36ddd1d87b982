"""Start weights of the convolutional networks, drawn from one seeded generator."""

from __future__ import annotations

import math

import torch
from torch import nn


def unfilled() -> torch.device:
    """Context in which layers are built without memory and without drawing anything."""
    return torch.device("meta")


def fill(module: nn.Module, seed: int | None) -> None:
    """Give memory to a module that was built inside `unfilled()`, and start values if a seed is given.

    Convolutions and linear layers get normal weights of variance 2 / fan_in and zero bias; normalisations
    start as the identity. With seed None only the memory is made, for weights that are loaded next.
    """
    module.to_empty(device=torch.empty(0).device)  # the ambient default device, so that "meta" stays "meta"
    if seed is None:
        return
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for child in module.modules():
            _fill_layer(child, rng)


def _fill_layer(layer: nn.Module, rng: torch.Generator) -> None:
    """Start values of one layer; containers are left alone."""
    if hasattr(layer, "initialise"):
        layer.initialise(rng)
    elif isinstance(layer, nn.Conv2d | nn.Linear):
        fan_in = layer.weight[0].numel()
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=rng) * math.sqrt(2.0 / fan_in))
        if layer.bias is not None:
            layer.bias.zero_()
    elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        layer.reset_parameters()
    elif isinstance(layer, nn.PReLU):
        layer.weight.fill_(0.25)
