"""The losses of the photo family ask for the right thing, with tiny networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from itportrait_core.networks.encoders import StyleEncoder
from itportrait_core.networks.stylegan2 import StyleGAN2Generator
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.training import code_scale, encoder, encoder_feedback, photo
from itportrait_core.pocket.training.detail import detail
from itportrait_core.pocket.training.photo_truth import PHOTO_Z_DIM


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    config = replace(photo.CONFIG, channel_base=256, channel_max=8, layer_features=16)
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


def small_scale(generator: StyleGAN2Generator) -> code_scale.CodeScale:
    draw = photo.SynthesisTo(generator.synthesis)
    return code_scale.measure(generator, latents(64), lambda ws: draw(ws, 16))


def test_encoder_learns_codes_through_the_frozen_generator(generator: StyleGAN2Generator) -> None:
    config = replace(encoder.CONFIG, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), style_width=8)
    net = StyleEncoder(config).train()
    n, picture = latents(4), torch.rand(4, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    own, image = torch.tensor([1.0, 0.0, 1.0, 0.0]), picture[..., ::2, ::2]
    terms = encoder.encoder_loss(net, generator, small_scale(generator), picture, n, image, own)
    terms["picture"].backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    assert net.styles[0].linear.weight.grad.abs().max() > 0


def test_encoder_learns_to_correct_its_answer(generator: StyleGAN2Generator) -> None:
    config = replace(encoder.CONFIG, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), style_width=8)
    net = StyleEncoder(config).eval()
    n, picture = latents(4), torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    history = encoder_feedback.answers(net, photo.SynthesisTo(generator.synthesis), picture, 2)
    assert len(history) == 3 and not torch.equal(history[1], history[0])
    own = torch.tensor([1.0, 0.0, 1.0, 0.0])
    terms = encoder_feedback.feedback_loss(net, generator, small_scale(generator), picture, n, picture, own)
    before = {name: p.detach().clone() for name, p in net.named_buffers()}
    for name in ("picture", "code", "first picture", "first code"):
        net.zero_grad()
        terms[name].backward(retain_graph=True)
        assert net.styles[0].linear.weight.grad.abs().max() > 0, name
    assert all(torch.equal(p, before[name]) for name, p in net.named_buffers())


def test_appearance_is_not_asked_for_where_it_cannot_be_seen(generator: StyleGAN2Generator) -> None:
    scale, target = small_scale(generator), generator.mapping(latents(4))
    hidden, seen = torch.zeros(4), torch.ones(4)
    assert scale.appearance.any() and not scale.appearance.all()
    look = target + scale.appearance.float()
    assert scale.error(look, target, hidden) == 0 and scale.error(look, target, seen) > 0
    shape = target + (~scale.appearance).float()
    assert scale.error(shape, target, hidden) == scale.error(shape, target, seen) > 0


def test_what_moves_more_pixels_counts_more(generator: StyleGAN2Generator) -> None:
    def draw(ws: torch.Tensor) -> torch.Tensor:
        return ws[:, :1, :2] * torch.tensor([1.0, 4.0])

    weight = code_scale.measure(generator, latents(64), draw).weight
    variance = generator.mapping(latents(64))[:, 0].var(0).clamp_min(code_scale.SMALLEST_VARIANCE)
    one, two, none = (weight * variance)[:3]
    assert two > one > none > 0
