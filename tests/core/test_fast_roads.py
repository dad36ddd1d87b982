"""Roads that save time or memory come to the same numbers as the plain formulas, gradients included."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from itportrait_core.methods.shared.passes import backward_by_view, render_each, split_views, sum_of
from itportrait_core.networks import (
    modulated_conv,
    ops,
    resampling,
    stylegan2_layers,
    triplane,
    volume_rendering,
)
from itportrait_core.networks.eg3d import generator as generator_module
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(made: Callable[..., Tensor], *given: Tensor) -> list[Tensor]:
    """The result and the gradients of a sum that weighs every number differently."""
    leaves = [x.clone().requires_grad_() for x in given]
    result = made(*leaves)
    (result * draw(*result.shape, seed=9)).sum().backward()
    return [result.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def check(found: list[Tensor], wanted: list[Tensor], limit: float = 1e-10) -> None:
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=limit, rtol=limit)


@pytest.mark.parametrize("clamp", [None, 0.7])
def test_the_activation_that_keeps_only_its_result(clamp):
    x, noise, bias = draw(2, 3, 5, 5), draw(1, 1, 5, 5, seed=1), draw(3, seed=2)

    def plain(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
        y = F.leaky_relu(x + noise + bias[:, None, None], 0.2)
        return y if clamp is None else y.clamp(-clamp, clamp)

    fast = gradients(lambda *given: ops.NoiseBiasLeakyReLU.apply(*given, clamp), x, noise, bias)
    check(fast, gradients(plain, x, noise, bias))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("up", [1, 2])
def test_scaled_weights_and_scaled_pictures_have_the_same_gradients(monkeypatch, up, batch):
    given = draw(batch, 6, 9, 9), draw(5, 6, 3, 3, seed=1), draw(batch, 6, seed=2)
    results = []
    for scaled in (True, False):
        monkeypatch.setattr(modulated_conv, "scale_weights", lambda *_, scaled=scaled: scaled)
        results.append(gradients(lambda *x: modulated_conv.modulated_conv2d(*x, up=up), *given))
    check(*results)


def test_what_moves_less_is_scaled():
    """The weights for pictures of 512 px; small pictures themselves, and all where latents alone are trained
    or a CPU draws several at once."""
    weight, styles = torch.empty(128, 128, 3, 3), torch.empty(1, 128)
    large, small = torch.empty(1, 128, 512, 512, device="meta"), torch.empty(1, 128, 4, 4)
    assert modulated_conv.scale_weights(large, weight, styles, 1) and not modulated_conv.scale_weights(
        small, weight, styles, 1
    )
    assert modulated_conv.scale_weights(torch.empty(2, 128, 512, 512, device="meta"), weight, styles, 1)
    assert not modulated_conv.scale_weights(torch.empty(2, 128, 64, 64), weight, styles, 1)
    styles.requires_grad_()
    assert not modulated_conv.scale_weights(large, weight, styles, 1)
    assert modulated_conv.scale_weights(large, weight.requires_grad_(), styles, 1)


def test_a_card_takes_other_roads_to_the_same_picture_and_gradients(monkeypatch):
    """The roads of a card, taken on this CPU, for one person and for two."""
    generator = tiny_generator(1).double().requires_grad_()
    views = cameras.orbit([0.0, 30.0]).double()
    for batch in (1, 2):
        found = []
        for card in (False, True):
            on_card(monkeypatch, card)
            ws = draw(batch, generator.num_ws, generator.w_dim)
            made = gradients(lambda ws: generator.synthesis(ws, views[: len(ws)]).image, ws)
            made += weight_gradients(generator)
            found.append(made)
        check(*found, limit=1e-9)


ROADS = (ops, resampling, modulated_conv, triplane, generator_module, stylegan2_layers, volume_rendering)


def on_card(monkeypatch: pytest.MonkeyPatch, card: bool) -> None:
    """Take the roads of a card on this CPU, or its own."""
    for module in ROADS:
        monkeypatch.setattr(module, "on_card", lambda _: card)


def weight_gradients(generator: torch.nn.Module) -> list[Tensor]:
    """Those of all weights that have one, which are forgotten."""
    found = [p.grad for p in generator.parameters() if p.grad is not None]
    generator.zero_grad(set_to_none=True)
    assert len(found) > 20
    return found


@pytest.mark.parametrize("noise_mode", ["const", "random"])
def test_noise_takes_the_same_way_on_a_card(monkeypatch, noise_mode):
    layer = stylegan2_layers.SynthesisLayer(4, 5, 6, 8, up=2, clamp=1.5).double()
    layer.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.affine.weight.copy_(draw(4, 6, seed=1))
        layer.affine.bias.fill_(1.0)
        layer.noise_strength.fill_(0.3)
        layer.bias.copy_(draw(5, seed=2))
    found = []
    for card in (False, True):
        on_card(monkeypatch, card)
        rng = torch.Generator().manual_seed(3)
        made = gradients(lambda x, w, rng=rng: layer(x, w, noise_mode, rng), draw(2, 4, 4, 4), draw(2, 6))
        found.append(made + [p.grad for p in layer.parameters()])
        layer.zero_grad(set_to_none=True)
    check(*found)


def test_views_together_have_the_pictures_and_gradients_of_single_ones(monkeypatch):
    """On a card all views of a person are one list of rays and share their modulated weights; where planes
    are copied for every view, on a CPU, the numbers are the same too."""
    generator = tiny_generator(1).double().requires_grad_()
    views = cameras.orbit([0.0, 30.0, -20.0]).double()
    ws = draw(2, generator.num_ws, generator.w_dim)
    goals = draw(3, 2, 3, generator.resolution, generator.resolution, seed=4)

    def loss(render, indices):
        parts = zip(split_views(render, len(indices)), indices, strict=True)
        return sum_of((part.image - goals[v]).square().mean() + part.image_depth.mean() for part, v in parts)

    found = []
    for card, together, chunk in ((False, False, 0), (False, True, 0), (True, True, 0), (True, True, 17)):
        on_card(monkeypatch, card)
        total = backward_by_view(generator, ws, views, loss, together=together, ray_chunk=chunk)
        pictures = [one.image for one in render_each(generator, ws, views, together=together)]
        found.append([total, *pictures, *weight_gradients(generator)])
    for other in found[1:]:
        check(found[0], other, limit=1e-9)


def test_gradients_of_poses_come_through_the_planes_of_a_card(monkeypatch):
    generator = tiny_generator(1).double().requires_grad_(False)
    ws, found = draw(1, generator.num_ws, generator.w_dim), []
    for card in (False, True):
        on_card(monkeypatch, card)
        found.append(
            gradients(lambda c: generator.synthesis(ws, c).image_depth, cameras.orbit(20.0).double())
        )
    check(*found, limit=1e-9)


@torch.no_grad()
def test_density_and_depth_alone_are_those_of_the_whole():
    generator = tiny_generator(2)
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(1))
    ws = generator.mapping(z, cameras.front())
    planes, points = generator.planes(ws), torch.rand(1, 50, 3) - 0.5
    close = {"atol": 1e-5, "rtol": 1e-5}
    features, sigma = generator.field(planes, points)
    torch.testing.assert_close(generator.density(planes, points), sigma, **close)
    rgb, same = generator.colors(planes, points)
    torch.testing.assert_close(rgb, features[..., :3], **close)
    torch.testing.assert_close(same, sigma, **close)
    label = cameras.orbit(20.0)
    whole, part = generator.render(planes, ws, label), generator.render_volume(planes, label, colors=False)
    torch.testing.assert_close(part.image_depth, whole.image_depth, **close)
    torch.testing.assert_close(part.image_weights, whole.image_weights, **close)
    assert part.features.shape[1] == 0


def test_views_without_pictures_have_the_gradient_of_those_with():
    generator = tiny_generator(3).requires_grad_(True)
    ws = torch.randn(1, generator.num_ws, generator.w_dim, generator=torch.Generator().manual_seed(2))
    views, found = cameras.orbit([0.0, 15.0]), []
    for pictures in (None, 0):
        generator.zero_grad(set_to_none=True)
        backward_by_view(
            generator, ws, views, lambda render, _: render.image_depth.square().mean(), pictures=pictures
        )
        found.append([p.grad for p in generator.backbone.parameters() if p.grad is not None])
    assert found[0] and max(float(g.abs().max()) for g in found[0]) > 1e-4
    check(*found, limit=1e-5)
    assert render_each(generator, ws, views, picture=False)[0].image is None
