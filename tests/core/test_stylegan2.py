"""StyleGAN2: which style vector drives what, truncation, noise, and readable errors."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

CONFIG = StyleGAN2Config(z_dim=8, w_dim=12, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    return StyleGAN2Generator(CONFIG, seed=1).eval().requires_grad_(False)


def latents(count: int = 2) -> torch.Tensor:
    return torch.randn(count, CONFIG.z_dim, generator=torch.Generator().manual_seed(5))


def test_shapes_and_plain_attributes(generator):
    ws = generator.mapping(latents())
    assert (generator.num_ws, generator.resolution) == (6, 16)
    assert ws.shape == (2, 6, 12)
    assert generator.synthesis(ws).shape == (2, 3, 16, 16)
    assert StyleGAN2Config.from_dict(CONFIG.to_dict()) == CONFIG


def test_the_same_seed_gives_the_same_weights_without_the_global_generator():
    state = torch.random.get_rng_state()
    one, two, other = (StyleGAN2Generator(CONFIG, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["synthesis.b8.conv0.weight"], other["synthesis.b8.conv0.weight"])


def test_every_style_vector_matters_and_the_last_one_only_for_colour(generator):
    ws = generator.mapping(latents(1))
    image = generator.synthesis(ws)
    for i in range(generator.num_ws):
        changed = ws.clone()
        changed[:, i] += 1.0
        assert not torch.allclose(generator.synthesis(changed), image), i
    features = []
    hook = generator.synthesis.b16.conv1.register_forward_hook(
        lambda module, inputs, out: features.append(out)
    )
    changed = ws.clone()
    changed[:, -1] += 1.0
    generator.synthesis(ws)
    generator.synthesis(changed)
    hook.remove()
    assert torch.equal(*features)


def test_truncation_moves_the_leading_vectors_towards_the_mean(generator):
    generator.mapping.w_avg.copy_(torch.linspace(-1, 1, 12))
    z = latents()
    full, none, some = (generator.mapping(z, truncation_psi=psi) for psi in (1.0, 0.0, 0.25))
    torch.testing.assert_close(none, generator.mapping.w_avg.expand_as(none))
    torch.testing.assert_close(some, 0.25 * full + 0.75 * none)
    cut = generator.mapping(z, truncation_psi=0.0, truncation_cutoff=2)
    assert torch.equal(cut[:, 2:], full[:, 2:])
    torch.testing.assert_close(cut[:, :2], none[:, :2])


def test_batch_and_single_agree(generator):
    """One sample takes the road with scaled weights, two that with scaled activations."""
    ws = generator.mapping(latents())
    together = generator.synthesis(ws)
    torch.testing.assert_close(together[:1], generator.synthesis(ws[:1]), atol=1e-5, rtol=1e-5)


def test_noise_modes():
    generator = StyleGAN2Generator(CONFIG, seed=1).requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.5)
    ws = generator.mapping(latents(1))
    none, const = generator.synthesis(ws, "none"), generator.synthesis(ws, "const")
    drawn = generator.synthesis(ws, "random", torch.Generator().manual_seed(0))
    assert not torch.allclose(none, const) and not torch.allclose(const, drawn)
    assert torch.equal(drawn, generator.synthesis(ws, "random", torch.Generator().manual_seed(0)))
    with pytest.raises(ITPortraitError, match="rng="):
        generator.synthesis(ws, "random")
    with pytest.raises(ITPortraitError, match="'loud'"):
        generator.synthesis(ws, "loud")


def test_errors_name_the_value(generator):
    with pytest.raises(ITPortraitError, match="100"):
        StyleGAN2Generator(StyleGAN2Config(resolution=100))
    with pytest.raises(ITPortraitError, match=r"\(1, 5, 12\)"):
        generator.synthesis(torch.zeros(1, 5, 12))
    conditional = StyleGAN2Generator(StyleGAN2Config(c_dim=4, resolution=8, channel_max=4, w_dim=8, z_dim=8))
    with pytest.raises(ITPortraitError, match="4 numbers"):
        conditional.mapping(torch.zeros(1, 8))
