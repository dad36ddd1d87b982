"""LPIPS from local trunks, depth losses, picture metrics."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import save_file

from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance import perceptual as module
from itportrait_core.guidance.depth import depth_difference, depth_smoothness, project, unproject, warp_loss
from itportrait_core.guidance.metrics import compare, mse, psnr, ssim
from itportrait_core.guidance.perceptual import load_perceptual, random_trunk
from itportrait_core.rendering import cameras


def pictures(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1


@pytest.fixture(scope="module")
def alex_file(tmp_path_factory):
    """An AlexNet trunk in torchvision's names with small random weights."""
    trunk = module._metric("alex", heads=False).net
    rng = torch.Generator().manual_seed(1)
    state = {
        "features." + key.split(".", 1)[1]: torch.randn(value.shape, generator=rng) * 0.05
        for key, value in trunk.state_dict().items()
    }
    path = tmp_path_factory.mktemp("trunk") / "alexnet.safetensors"
    save_file(state, path)
    return path, state


def test_distance_equals_the_lpips_package(alex_file):
    """Official heads on the same trunk weights: our cached features change nothing."""
    import lpips

    path, state = alex_file
    ours = load_perceptual(path, "vgg")  # the file tells that it is AlexNet
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    for key, value in theirs.net.state_dict().items():
        value.copy_(state["features." + key.split(".", 1)[1]])
    a, b = pictures(), pictures().flip(0)
    with torch.no_grad():
        wanted = theirs(a, b).flatten()
        assert torch.allclose(ours(a, b), wanted, rtol=1e-4)
        assert torch.allclose(ours.distance(ours.features(a), b), wanted, rtol=1e-4)


def test_trunk_is_frozen_and_gradients_reach_the_picture(alex_file):
    metric = load_perceptual(alex_file[0])
    x = pictures().requires_grad_()
    metric(x, pictures().flip(0)).sum().backward()
    assert float(x.grad.abs().max()) > 0 and not any(p.requires_grad for p in metric.parameters())


def test_equal_pictures_are_at_distance_zero_with_a_finite_gradient():
    metric, x = random_trunk(), pictures().requires_grad_()
    distance = metric(x, x.detach())
    distance.sum().backward()
    assert torch.equal(distance.detach(), torch.zeros(2)) and bool(torch.isfinite(x.grad).all())


def test_plain_pictures_give_finite_gradients():
    metric, x = random_trunk(), torch.zeros(1, 3, 64, 64, requires_grad=True)
    metric(x, pictures(1)).sum().backward()
    assert bool(torch.isfinite(x.grad).all())


@pytest.mark.parametrize("side", [16, 64, 300])
def test_any_size_is_compared(side):
    assert bool((random_trunk()(pictures(2, side), pictures(2, side).flip(0)) > 0).all())


def test_the_global_rng_is_left_alone():
    before = torch.get_rng_state()
    random_trunk(5)
    assert torch.equal(torch.get_rng_state(), before)


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(ITPortraitError, match="No LPIPS trunk"):
        load_perceptual(tmp_path / "nowhere.pth")
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "small.safetensors")
    with pytest.raises(ITPortraitError, match="does not hold the trunk"):
        load_perceptual(tmp_path / "small.safetensors")


def test_depth_smoothness_of_a_ramp_and_a_plane():
    """docs/method.md#depth-losses, tv: mean of (d - d_right)^2 + (d - d_down)^2."""
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    assert float(depth_smoothness(ramp)) == pytest.approx(1.0)
    assert float(depth_smoothness(torch.ones(1, 1, 5, 5))) == 0.0
    assert torch.equal(depth_difference(ramp, ramp + 2), torch.tensor([4.0]))


def test_points_of_a_depth_map_fall_back_on_their_pixels():
    camera = cameras.orbit([20.0, -35.0], [10.0, -5.0])
    depth = 2.5 + 0.3 * torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    at = project(unproject(depth, camera), camera).view(2, 6, 6, 2)
    centres = (torch.arange(6) + 0.5) / 3 - 1
    assert torch.allclose(at[..., 0], centres.expand(2, 6, 6), atol=1e-4)
    assert torch.allclose(at[..., 1], centres[:, None].expand(2, 6, 6), atol=1e-4)


def test_warping_loss_vanishes_for_a_picture_seen_from_its_own_camera():
    class Seen:
        image = torch.nn.functional.interpolate(pictures(1, 4), (16, 16), mode="bicubic")
        image_depth = torch.linspace(2.4, 2.8, 256).view(1, 1, 16, 16)

    front = cameras.front()
    assert float(warp_loss(lambda x: x, Seen, Seen.image, front, front)) < 1e-6
    assert float(warp_loss(lambda x: x, Seen, Seen.image, cameras.orbit(25.0), front)) > 1e-4


def test_metrics_are_on_the_scale_of_0_to_1():
    """MSE 0.0947 is PSNR 10.24 dB, so Table 2 counts in [0, 1]."""
    a, b = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 2 * math.sqrt(0.0947))
    assert float(mse(a, b)) == pytest.approx(0.0947, rel=1e-4)
    assert float(psnr(a, b)) == pytest.approx(10.24, abs=0.01)
    assert float(psnr(a, a)) == 100.0
    assert float(ssim(pictures(1), pictures(1))) == pytest.approx(1.0, abs=1e-5)
    assert set(compare(a, b, random_trunk())) == {"mse", "psnr", "ssim", "lpips"}
