"""The losses of the photo family ask for the right thing, with tiny networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from itportrait_core.networks.encoders import StyleEncoder
from itportrait_core.networks.stylegan2 import StyleGAN2Generator
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.training import encoder, photo
from itportrait_core.pocket.training.detail import detail
from itportrait_core.pocket.training.photo_truth import PHOTO_Z_DIM


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    config = replace(photo.CONFIG, w_dim=16, channel_base=256, channel_max=8, layer_features=16)
    return StyleGAN2Generator(config).requires_grad_(False)


def latents(count: int) -> torch.Tensor:
    return normalise(torch.randn(count, PHOTO_Z_DIM, generator=torch.Generator().manual_seed(3)))


def test_stopped_synthesis_is_the_synthesis(generator: StyleGAN2Generator) -> None:
    ws = generator.mapping(latents(2))
    whole = photo.draw(photo.SynthesisTo(generator.synthesis), ws, 128, half=False)
    assert torch.allclose(whole, generator.synthesis(ws), atol=1e-5)
    half = photo.draw(photo.SynthesisTo(generator.synthesis), ws, 64)
    assert half.shape == (2, 3, 64, 64) and half.dtype == torch.float32


def test_mixed_codes_change_hands_once(generator: StyleGAN2Generator) -> None:
    n = latents(8)
    ws = photo.mixed_codes(generator, n, torch.Generator().manual_seed(0))
    assert torch.equal(ws[:4], generator.mapping(n)[:4])
    for row in ws[4:]:
        changes = (row[1:] != row[:-1]).any(1).nonzero().flatten()
        assert len(changes) == 1
        assert int(changes[0]) + 1 == photo.photo_truth.MIXING_LAYER


def test_picture_loss_is_zero_on_the_truth_and_sees_detail() -> None:
    truth = torch.ones(1, 3, 32, 32)
    truth[..., 10:14, 10:14] = -1
    assert photo.picture_loss(truth, truth) == 0
    weight = detail(truth)
    assert weight[..., 9:15, 9:15].mean() > 3 * weight[..., 22:, 22:].mean()


def test_encoder_learns_codes_through_the_frozen_generator(generator: StyleGAN2Generator) -> None:
    config = replace(encoder.CONFIG, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), code_dim=16, style_width=8)
    net = StyleEncoder(config).train()
    n, picture = latents(4), torch.rand(4, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    own = torch.tensor([1.0, 0.0, 1.0, 0.0])
    terms = encoder.encoder_loss(net, generator, picture, n, picture[..., ::2, ::2], own)
    sum(terms.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    assert net.styles[0].linear.weight.grad.abs().max() > 0


def test_style_loss_ignores_appearance_where_it_cannot_be_seen(generator: StyleGAN2Generator) -> None:
    target = generator.mapping(latents(4))
    guess = target.clone()
    guess[:, encoder.MIXING_LAYER :] += 1
    assert encoder.style_loss(generator, guess, target, torch.zeros(4)) == 0
    assert encoder.style_loss(generator, guess, target, torch.ones(4)) > 0
