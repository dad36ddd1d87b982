"""Single operations against the published implementation's numbers, and the un-fused convolution against
the fused one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from itportrait_core.networks import modulated_conv, ops, rays, resampling, volume_rendering
from itportrait_core.networks.eg3d import RenderingConfig
from itportrait_core.networks.eg3d_config import OFFICIAL_AXES
from itportrait_core.networks.triplane import sample_planes

OPS = load_file(Path(__file__).parents[1] / "data" / "eg3d_ops.safetensors")


def case(name: str) -> dict[str, torch.Tensor]:
    """The tensors of one golden case."""
    return {key[len(name) + 1 :]: value for key, value in OPS.items() if key.startswith(name + ".")}


def check(ours: torch.Tensor, expected: torch.Tensor, atol: float = 2e-6) -> None:
    torch.testing.assert_close(ours, expected, atol=atol, rtol=1e-5)


def test_filters_and_resampling():
    check(resampling.binomial_filter(), OPS["filter1331.f"])
    up, down = case("upfirdn_up2"), case("upfirdn_down2")
    check(resampling.upfirdn2d(up["x"], up["f"], up=2, padding=(2, 1, 2, 1), gain=4.0), up["y"])
    check(resampling.upfirdn2d(down["x"], down["f"], down=2, padding=(1, 1, 1, 1)), down["y"])
    check(resampling.upsample2d(OPS["upsample2d.x"]), OPS["upsample2d.y"])
    check(resampling.upsample2d(OPS["upsample2d_asym.x"], OPS["upsample2d_asym.f"]), OPS["upsample2d_asym.y"])


def test_bias_and_activation():
    check(ops.bias_act(OPS["bias_act_lrelu.x"], OPS["bias_act_lrelu.b"], "lrelu"), OPS["bias_act_lrelu.y"])
    t = case("bias_act_lrelu_clamp")
    check(ops.bias_act(t["x"], t["b"], "lrelu", gain=math.sqrt(0.5), clamp=2.5), t["y"])
    t = case("bias_act_linear_clamp")
    check(ops.bias_act(t["x"], t["b"], clamp=3.0), t["y"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("conv_up2_flip0", {"up": 2}),
        ("conv_up2_asym", {"up": 2}),
        ("conv_down2", {"down": 2}),
        ("conv1x1_down2", {"down": 2}),
    ],
)
def test_resampling_convolutions(name, options):
    t = case(name)
    check(resampling.conv2d_resample(t["x"], t["w"], kernel=t.get("f"), **options), t["y"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("modconv", {}),
        ("modconv_up2", {"up": 2}),
        ("modconv_up2_constnoise", {"up": 2}),
        ("modconv_torgb", {"demodulate": False}),
    ],
)
def test_modulated_convolutions(name, options):
    t = case(name)
    noise = t.get("noise", torch.zeros(()))
    check(modulated_conv.modulated_conv2d(t["x"], t["w"], t["s"], **options) + noise, t["y"], atol=1e-5)


@pytest.mark.parametrize("up", [1, 2])
def test_scaled_weights_and_scaled_activations_agree(up):
    source = torch.Generator().manual_seed(0)
    x, w, s = (
        torch.randn(shape, generator=source, dtype=torch.float64)
        for shape in [(1, 6, 9, 9), (5, 6, 3, 3), (1, 6)]
    )
    unfused = modulated_conv.modulated_conv2d(x, w, s, up=up)
    with torch.no_grad():
        fused = modulated_conv.modulated_conv2d(x, w, s, up=up)
    torch.testing.assert_close(fused, unfused, atol=1e-12, rtol=1e-12)


def test_fully_connected():
    check(ops.normalize_second_moment(OPS["normalize_2nd_moment.x"]), OPS["normalize_2nd_moment.y"])
    for name, activation, multiplier in (
        ("fc_lrelu_mul001", "lrelu", 0.01),
        ("fc_linear_mul05", "linear", 0.5),
    ):
        t = case(name)
        layer = ops.FullyConnected(7, 6, activation=activation, lr_multiplier=multiplier)
        layer.load_state_dict({"weight": t["w"], "bias": t["b"]})
        check(layer(t["x"]), t["y"])


def test_planes_are_read_with_the_released_axes():
    t = case("plane_sampling")
    check(sample_planes(t["planes"], t["coords"], 1.0, OFFICIAL_AXES).transpose(2, 3), t["y"], atol=1e-5)


def test_rays_and_box():
    t = case("rays")
    origins, directions = rays.make_rays(t["c2w"], t["K"], 5)
    check(origins, t["origins"])
    check(directions, t["dirs"])
    t = case("ray_box")
    start, end = rays.intersect_box(t["origins"], t["dirs"], 1.6)
    check(start, t["tmin"])
    check(end, t["tmax"])


@pytest.mark.parametrize("white", [False, True])
def test_marching_with_an_empty_ray(white):
    t = case(f"march_white{int(white)}")
    depths, sigma, colours = t["depths"][..., 0], t["densities"][..., 0], t["colors"]
    check(volume_rendering.march(depths, sigma)[..., None], t["weights"])
    count = depths.shape[-1]
    settings = RenderingConfig(count, 0, white_back=white)
    nearest, step = depths.min(), (settings.ray_end - settings.ray_start) / (count - 1)
    grid = torch.linspace(settings.ray_start, settings.ray_end, count)
    jitter = volume_rendering.Jitter((depths - grid) / step, depths[..., :0])

    def field(points: torch.Tensor):
        torch.testing.assert_close(points[..., 0], depths.flatten(1), atol=1e-4, rtol=0)
        return colours.flatten(1, 2), sigma.reshape(2, -1, 1)

    directions = torch.tensor([1.0, 0.0, 0.0]).expand(2, 6, 3)
    seen = volume_rendering.render_rays(field, torch.zeros(2, 6, 3), directions, settings, jitter)
    check(seen.features, t["rgb"], atol=1e-4)
    check(seen.depth, t["depth"], atol=1e-4)
    assert torch.isfinite(seen.depth).all() and seen.depth.min() >= nearest - 1e-5


def test_importance_sampling():
    t = case("importance")
    ours = rays.importance_depths(t["z"][..., 0], t["w"][..., 0], t["u"].reshape(2, 6, 7))
    check(ours[..., None], t["y"], atol=1e-5)
    t = case("sample_pdf_det")
    check(rays.invert_cdf(t["bins"], t["w"], torch.linspace(0, 1, 11).expand(5, 11)), t["y"], atol=1e-5)


def test_antialiased_resize():
    for name, side in (("down5", 5), ("down8", 8), ("up16", 16)):
        ours = F.interpolate(
            OPS["resize.x"], (side, side), mode="bilinear", align_corners=False, antialias=True
        )
        check(ours, OPS[f"resize.{name}"])
