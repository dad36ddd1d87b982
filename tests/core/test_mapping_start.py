"""The built mapping network really shows the attributes of latents that it was not fitted to."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.networks.stylegan2_layers import MappingNetwork
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.training import photo_truth
from itportrait_core.pocket.training.mapping_start import (
    GENDER,
    build_mapping,
    code,
    code_of_latents,
    thresholds,
)


@pytest.mark.parametrize(
    ("z_dim", "code_of"),
    [(Z_DIM, code_of_latents), (photo_truth.PHOTO_Z_DIM, photo_truth.code_of_latents)],
    ids=["attributes", "attributes and pose"],
)
def test_held_out_facts_can_be_read_off_the_first_outputs(z_dim, code_of):
    mapping = MappingNetwork(z_dim, 0, 128, 4, num_layers=3, layer_features=384)
    for i in range(3):
        torch.nn.init.zeros_(mapping.get_submodule(f"fc{i}").weight)
        torch.nn.init.zeros_(mapping.get_submodule(f"fc{i}").bias)
    build_mapping(mapping, pool=4000, code_of=code_of)
    latents = normalise(torch.randn(1000, z_dim, generator=torch.Generator().manual_seed(99)))
    wanted = code_of(latents)
    with torch.no_grad():
        found = mapping(latents)[:, 0, : wanted.shape[1]]
    seen = wanted.std(dim=0) > 0.1
    pairs = torch.stack([found[:, seen], wanted[:, seen]])
    gaps = pairs - pairs.mean(dim=1, keepdim=True)
    likeness = (gaps[0] * gaps[1]).sum(0) / (gaps.square().sum(1).prod(0)).sqrt()
    assert likeness.median() > 0.95
    assert likeness.quantile(0.1) > 0.8


def test_thresholds_are_those_of_the_attributes():
    """A step just below and one just above a threshold show different people."""
    for dim, place in thresholds(1.0):
        latents = torch.zeros(2, Z_DIM)
        latents[:, GENDER] = 1.0
        latents[:, dim] = torch.tensor([place - 0.01, place + 0.01])
        low, high = code(attributes(latents))
        assert (low - high).abs().max() > 0.25
