"""Super-resolution in half precision: nearly the same pictures, float32 weights, finite gradients."""

from __future__ import annotations

import copy

import torch

from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig, SuperResolutionConfig
from itportrait_core.networks.ops import half_type
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator

GREY_LEVEL = 2.0 / 255.0


def with_half(generator: EG3DGenerator) -> EG3DGenerator:
    """A copy that enlarges in half precision."""
    other = copy.deepcopy(generator)
    other.superresolution.half = True
    return other


@torch.no_grad()
def test_pictures_change_by_about_a_grey_level_and_stay_float32():
    """For one picture and for several at once, which take different roads through the layers; nothing changes
    where the machine has no half precision.
    """
    generator = tiny_generator(0)
    half = with_half(generator)
    views = cameras.orbit([0.0, 25.0])
    latent = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0))
    ws = generator.mapping(latent, cameras.front())
    for label in (views[:1], views):
        exact, near = (g.synthesis(ws, label).image for g in (generator, half))
        assert near.dtype == torch.float32
        assert torch.equal(exact, near) == (half_type("cpu") is None)
        assert float((exact - near).abs().mean()) < GREY_LEVEL
        assert float((exact - near).abs().max()) < 8 * GREY_LEVEL


@torch.no_grad()
def test_planes_depth_and_raw_picture_are_untouched():
    generator = tiny_generator(0)
    ws = generator.mapping(torch.randn(1, generator.z_dim), cameras.front())
    exact, near = (g.synthesis(ws, cameras.front()) for g in (generator, with_half(generator)))
    assert torch.equal(exact.image_raw, near.image_raw)
    assert torch.equal(exact.image_depth, near.image_depth)


def test_gradients_come_through_to_float32_weights():
    generator = with_half(tiny_generator(0)).requires_grad_(True)
    ws = generator.mapping(torch.randn(1, generator.z_dim), cameras.front()).detach()
    (generator.synthesis(ws, cameras.orbit([0.0, 10.0])).image.square().mean() * 1e-6).backward()
    trained = dict(generator.superresolution.named_parameters())
    for name, value in trained.items():
        if name.endswith("noise_strength"):  # these generators draw no noise here
            continue
        assert value.dtype == torch.float32
        assert value.grad is not None and bool(torch.isfinite(value.grad).all()), name
    assert float(generator.superresolution.block1.conv1.weight.grad.abs().max()) > 0


def test_gradients_point_where_those_of_float32_do():
    """What a training step follows: the direction over all weights, backbone and decoder included."""
    full = tiny_generator(0).requires_grad_(True)
    ws = full.mapping(torch.randn(1, full.z_dim), cameras.front()).detach()
    found = []
    for generator in (full, with_half(full)):
        image = generator.synthesis(ws, cameras.orbit([0.0, 10.0])).image
        (image - 0.3).square().mean().backward()
        grads = [p.grad.flatten() for p in generator.parameters() if p.grad is not None]
        found.append(torch.cat(grads))
    assert float(torch.cosine_similarity(*found, dim=0)) > 0.99


@torch.no_grad()
def test_strong_styles_do_not_overflow():
    """Features reach their limit of 256 and styles ten times their usual size: too much for float16."""
    enlarger = SuperResolutionConfig(16, (32, 16), (2, 2), conv_clamp=256.0)
    config = EG3DConfig(superresolution=enlarger, backbone_resolution=32, channel_max=16, plane_channels=16)
    half = with_half(EG3DGenerator(config, seed=0))
    half.superresolution.block0.conv0.bias.fill_(500.0)
    features = 256.0 * torch.randn(2, 16, 16, 16)
    ws = 10.0 * torch.randn(2, half.num_ws, half.w_dim)
    assert bool(torch.isfinite(half.superresolution.enlarge(features[:, :3], features, ws, "const")).all())
