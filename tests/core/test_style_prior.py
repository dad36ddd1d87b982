"""The style prior: linear in its code, exact at 0, and of use on pictures that no training has seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import itportrait_core as itp
from itportrait_core.checkpoints.format import save_model
from itportrait_core.methods.shared.style_priors import style_prior_of
from itportrait_core.methods.style.config import InstantConfig
from itportrait_core.networks.style_basis import changed_shapes
from itportrait_core.networks.style_prior import StylePrior, StylePriorConfig
from itportrait_core.networks.weights_in_place import copy_with_weights
from tests.core.tiny import tiny_generator

CODE = 5


@pytest.fixture
def tiny() -> tuple[torch.nn.Module, StylePrior]:
    """A small generator and a prior of random changes for it."""
    generator = tiny_generator()
    weights = dict(generator.named_parameters())
    config = StylePriorConfig("", changed_shapes(weights), code_dim=CODE, rank=3)
    prior = StylePrior(config).requires_grad_(False)
    rng = torch.Generator().manual_seed(1)
    prior.basis.initialise(weights, rng)
    for parameter in prior.basis.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=rng))
    return generator, prior


def styled(generator: torch.nn.Module, prior: StylePrior, code: Tensor) -> torch.nn.Module:
    """The generator with the weights of a code."""
    return copy_with_weights(generator, prior.weights(dict(generator.named_parameters()), code))


def picture(seed: int) -> Tensor:
    """A picture of noise, as good as any for what does not look at it."""
    return 2 * torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(seed)) - 1


def test_code_zero_is_the_generator_bit_for_bit(tiny: tuple[torch.nn.Module, StylePrior]) -> None:
    generator, prior = tiny
    same = styled(generator, prior, torch.zeros(CODE)).state_dict()
    assert all(torch.equal(value, same[name]) for name, value in generator.state_dict().items())


def test_weights_change_linearly_with_the_code(tiny: tuple[torch.nn.Module, StylePrior]) -> None:
    _, prior = tiny
    first, second = torch.eye(CODE)[:2]
    joined, one, two = (prior.basis(code) for code in (2 * first - second, first, second))
    for name, change in joined.items():
        assert torch.allclose(change, 2 * one[name] - two[name], atol=1e-5), name


def test_every_kernel_changes_by_low_rank_and_the_mapping_network_never(
    tiny: tuple[torch.nn.Module, StylePrior],
) -> None:
    generator, prior = tiny
    changed = styled(generator, prior, torch.ones(CODE)).state_dict()
    for name, value in generator.state_dict().items():
        change = changed[name] - value
        if name.startswith("backbone.mapping.") or name.endswith("affine.weight"):
            assert not change.any(), name
        elif value.ndim == 4 and name in prior.basis.names:
            assert 1 <= int(torch.linalg.matrix_rank(change.flatten(1), atol=1e-4)) <= 3, name


def test_a_prior_is_read_back_from_its_file(tiny: tuple[torch.nn.Module, StylePrior], tmp_path: Path) -> None:
    _, prior = tiny
    file = save_model(prior, tmp_path / "prior.safetensors", family="style_prior")
    again = itp.load_style_prior(file)
    assert torch.equal(again.code(picture(0)), prior.eval().code(picture(0)))


def test_instant_style_is_an_ordinary_generator_and_changes_nothing(tmp_path: Path) -> None:
    generator = itp.load_generator("pocket")
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    styled = itp.instant_style(generator, picture(1))
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    itp.save_generator(styled, tmp_path / "style.safetensors", styled.lineage)
    again = itp.load_generator(tmp_path / "style.safetensors").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in styled.state_dict().items())


def test_strength_zero_is_the_generator_and_two_is_twice_the_way() -> None:
    generator = itp.load_generator("pocket")
    none, whole, double = (
        itp.instant_style(generator, picture(2), InstantConfig(strength=a)).state_dict()
        for a in (0.0, 1.0, 2.0)
    )
    for name, value in generator.state_dict().items():
        assert torch.equal(none[name], value), name
        assert torch.allclose(double[name] - value, 2 * (whole[name] - value), atol=1e-4), name


def test_other_weights_have_no_prior_and_the_message_names_apt() -> None:
    generator = itp.load_generator("pocket")
    with torch.no_grad():
        generator.decoder.net[0].bias += 1e-3
    assert style_prior_of(generator) is None
    with pytest.raises(itp.ITPortraitError, match="Style from a Picture"):
        itp.instant_style(generator, picture(3))


def test_a_batch_is_refused() -> None:
    with pytest.raises(itp.ITPortraitError, match="pick one"):
        itp.instant_style(itp.load_generator("pocket"), picture(4).expand(2, -1, -1, -1))
