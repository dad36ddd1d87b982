"""Inversion (Eq. 3-4): pose variables, schedules, twins, pose starts, report."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.methods import photo_twin
from itportrait_core.methods.configs import InversionConfig
from itportrait_core.methods.first_pose import first_pose
from itportrait_core.methods.history import History, Record
from itportrait_core.methods.inversion import invert, invert_batch, warnings_of
from itportrait_core.methods.inversion_task import InversionTask
from itportrait_core.methods.latent_units import LatentUnits, latent_spread
from itportrait_core.methods.passes import fit_picture
from itportrait_core.methods.photo_twin import Aligned, PhotoPrior, draw_twins, make_twins, median_pose
from itportrait_core.methods.portrait import Portrait, sample_portrait
from itportrait_core.methods.pose_residual import PoseResidual
from itportrait_core.methods.run import KeepBest
from itportrait_core.methods.schedule import ramp
from itportrait_core.methods.start_latent import latent_statistics, nearest_samples
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import POSE_HEADS, PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait

QUICK = InversionConfig(steps=6, pose_preheat=2, pose_init="frontal", start_samples=16, stop_window=0)


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


@pytest.fixture(scope="module")
def perceptual():
    return tiny_perceptual()


@pytest.fixture(scope="module")
def prior() -> PhotoPrior:
    """Untrained networks of the right kinds; 8 latents."""
    photo = StyleGAN2Generator(
        StyleGAN2Config(z_dim=8, w_dim=12, resolution=32, channel_base=256, channel_max=8)
    )
    encoder = StyleEncoder(
        StyleEncoderConfig(input_size=32, widths=(4, 4, 8, 8), units=(1, 1, 1, 1), style_count=8, code_dim=12,
                           style_width=4)
    )  # fmt: skip
    pose = PoseNet(PoseConfig(input_size=32, blocks=(1, 1), width=4, heads=POSE_HEADS))
    identity = IdentityNet(IdentityConfig(16, (4, 4), (1, 1), 8))
    for network in (photo, encoder, pose, identity):
        network.eval().requires_grad_(False)
    return PhotoPrior(photo, encoder, pose, identity)


def test_a_pose_residual_of_zero_is_the_start():
    start = cameras.orbit([20.0, -40.0], [10.0, -5.0], [3.0, 0.0])
    assert torch.allclose(PoseResidual(start, 20.0).labels(), start, atol=1e-6)


def test_pose_residuals_keep_camera_on_the_sphere_with_a_rotation():
    start = cameras.orbit([20.0], [10.0])
    pose = PoseResidual(start, 20.0)
    with torch.no_grad():
        pose.omega.copy_(torch.tensor([[0.05, -0.1, 0.02]]))
        pose.tau.copy_(torch.tensor([[0.2, 0.1, -0.3]]))
    label = pose.labels().detach()
    matrix = label[:, :16].view(4, 4)
    assert float(matrix[:3, 3].norm()) == pytest.approx(2.7, abs=1e-5)
    assert torch.allclose(matrix[:3, :3] @ matrix[:3, :3].T, torch.eye(3), atol=1e-5)
    turned = float(cameras.rotation_difference_deg(label, start))
    assert turned == pytest.approx(math.degrees(float(pose.omega.detach().norm())), abs=1e-3)


def test_turns_are_clamped():
    pose = PoseResidual(cameras.front(2), 20.0)
    with torch.no_grad():
        pose.omega.copy_(torch.tensor([[1.0, 1.0, 0.0], [0.1, 0.0, 0.0]]))
    pose.clamp()
    assert pose.omega.detach().norm(dim=1).tolist() == pytest.approx([math.radians(20.0), 0.1])


def test_pose_gradient_agrees_with_finite_differences(generator):
    double = tiny_generator().double()
    ws = double.mapping(torch.ones(1, 8, dtype=torch.float64), cameras.front().double())

    def value(omega: torch.Tensor) -> torch.Tensor:
        pose = PoseResidual(cameras.orbit(15.0).double(), 20.0)
        pose.omega = omega
        return double.synthesis(ws, pose.labels()).image_depth.mean()

    omega = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    value(omega).backward()
    step = torch.zeros(1, 3, dtype=torch.float64)
    step[0, 1] = 1e-5
    by_hand = float(((value(step) - value(-step)) / 2e-5).detach())
    assert float(omega.grad[0, 1]) == pytest.approx(by_hand, rel=1e-2, abs=1e-6)


def test_ramp_is_the_published_one():
    """methods 2.3: (1/2 - 1/2 cos(pi min(1, (1-t)/0.25))) min(1, t/0.05)."""
    assert ramp(0.0, 0.05, 0.25) == 0.0 and ramp(0.5, 0.05, 0.25) == 1.0
    assert ramp(0.025, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(0.875, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(1.0, 0.05, 0.25) == pytest.approx(0.0)


def test_a_picture_of_the_generator_is_found_again(generator, perceptual):
    truth = sample_portrait(generator, 5, camera=cameras.orbit(8.0))
    config = QUICK.replace(steps=40, lr_w=0.05, identity=0.0, depth=0.0, w_noise=0.0)
    found = invert(generator, truth.image, None, config, perceptual=perceptual)
    first = found.history[0].losses["l2"]
    assert found.report["mse"] * 4 < 0.2 * first
    assert found.ws.shape == truth.ws.shape and found.camera.shape == (1, 25)


def test_only_the_pose_moves_in_the_preheat(generator, perceptual):
    truth = sample_portrait(generator, 5, camera=cameras.orbit(8.0))
    config = QUICK.replace(steps=4, pose_preheat=4, w_noise=0.0)
    found = invert(generator, truth.image, None, config, perceptual=perceptual)
    assert torch.allclose(found.ws, latent_statistics(generator, 16).mean, atol=1e-6)
    assert found.report["pose_residual"] > 0


@pytest.mark.parametrize("whiten", [False, True])
def test_w_space_repeats_one_vector(generator, perceptual, whiten):
    picture = tiny_portrait(generator).image
    found = invert(generator, picture, None, QUICK.replace(space="W", whiten=whiten), perceptual=perceptual)
    assert torch.equal(found.ws, found.ws[:, :1].expand_as(found.ws))
    plus = invert(generator, picture, None, QUICK, perceptual=perceptual)
    assert not torch.allclose(plus.ws[:, 0], plus.ws[:, 5])


def test_generator_and_picture_stay_as_they_are(generator, perceptual):
    picture = tiny_portrait(generator).image
    before = picture.clone()
    weights = {name: value.clone() for name, value in generator.state_dict().items()}
    invert(generator, picture, None, QUICK, perceptual=perceptual)
    assert torch.equal(picture, before)
    assert all(torch.equal(weights[name], value) for name, value in generator.state_dict().items())
    assert all(p.grad is None for p in generator.parameters())


def test_whitened_steps_are_as_long_as_people_differ(generator, perceptual):
    """Adam's first step is one `lr` along every axis of M(z)'s spread, whatever the scale of the latents."""
    config = QUICK.replace(
        steps=1, pose_preheat=0, rampup=0.0, rampdown=0.0, whiten=True, lr_w=0.05, w_noise=0.0
    )
    found, moved = invert_one_step(generator, perceptual, config)
    units = LatentUnits(generator, latent_statistics(generator, 16).mean)
    steps = units.to_units(moved) - units.to_units(found)
    assert float(steps.abs().max()) == pytest.approx(0.05, rel=1e-2)


def invert_one_step(generator, perceptual, config):
    """Latents before and after the first step."""
    picture = fit_picture(tiny_portrait(generator).image, generator.resolution)
    statistics, label = latent_statistics(generator, 16), cameras.front()
    task = InversionTask(
        generator, picture, label, statistics.mean, statistics, config, perceptual, None, torch.Generator()
    )
    before = task.ws().detach().clone()
    with torch.enable_grad():
        task.step(0)
    return before, task.ws().detach()


def test_spread_and_its_inverse_undo_each_other(generator):
    spread = latent_spread(generator)
    units, ws = LatentUnits(generator, latent_statistics(generator, 16).mean), torch.randn(2, 8, 12)
    assert torch.allclose(units.from_units(units.to_units(ws)), ws, atol=1e-4)
    assert torch.allclose(spread.to_unit @ spread.from_unit, torch.eye(generator.w_dim), atol=1e-4)
    offsets = latent_statistics(generator, 400).samples[:, 0] - latent_statistics(generator, 400).mean[:, 0]
    assert float((offsets @ spread.to_unit).square().mean()) == pytest.approx(1.0, abs=0.35)


def test_whitening_changes_the_steps_and_not_the_start(generator, perceptual):
    truth = sample_portrait(generator, 5, camera=cameras.orbit(8.0))
    config = QUICK.replace(steps=40, whiten=True, lr_w=0.1, identity=0.0, depth=0.0, w_noise=0.0)
    found = invert(generator, truth.image, None, config, perceptual=perceptual)
    plain = invert(
        generator, truth.image, None, config.replace(whiten=False, lr_w=0.05), perceptual=perceptual
    )
    assert found.history[0].losses["l2"] == pytest.approx(plain.history[0].losses["l2"], rel=1e-3)
    assert found.report["mse"] * 4 < 0.2 * found.history[0].losses["l2"]


def test_nearest_samples_of_several_pictures_are_each_their_own(generator, perceptual):
    """A picture of a sample is nearest to that sample, and other pictures in the batch do not matter."""
    statistics = latent_statistics(generator, 12)
    labels = cameras.orbit([5.0, -10.0]).float()
    shown = generator.synthesis(statistics.samples[[3, 7]], labels, neural_rendering_resolution=16).image
    both = nearest_samples(generator, statistics, shown, labels, perceptual, keep=2)
    assert both.shape == (4, *statistics.samples.shape[1:])
    assert torch.equal(both[0], statistics.samples[3]) and torch.equal(both[2], statistics.samples[7])
    alone = nearest_samples(generator, statistics, shown[1:], labels[1:], perceptual, keep=2)
    assert torch.equal(alone, both[2:])


def test_best_of_several_restarts_is_kept(generator, perceptual):
    picture = tiny_portrait(generator).image
    one = invert(generator, picture, None, QUICK.replace(w_noise=0.0), perceptual=perceptual)
    many = invert(generator, picture, None, QUICK.replace(w_noise=0.0, restarts=2), perceptual=perceptual)
    loss = [p.report["mse"] * 4 + p.report["lpips"] for p in (one, many)]
    assert loss[1] <= loss[0] + 1e-4


def test_pictures_in_one_run_equal_pictures_alone(generator, perceptual):
    pictures = [tiny_portrait(generator, seed).image for seed in (3, 4)]
    config = QUICK.replace(w_noise=0.0)
    both = invert_batch(generator, pictures, None, config, perceptual=perceptual)
    alone = [invert(generator, picture, None, config, perceptual=perceptual) for picture in pictures]
    for one, two in zip(both, alone, strict=True):
        assert one.report["mse"] == pytest.approx(two.report["mse"], abs=2e-3)


def test_stagnation_ends_the_run(generator, perceptual):
    config = QUICK.replace(steps=60, stop_window=5, stop_gain=0.5, w_noise=0.0)
    found = invert(generator, tiny_portrait(generator).image, None, config, perceptual=perceptual)
    assert found.report["ended"] == "finished" and found.report["steps"] < 60


def test_stop_and_keep_returns_a_portrait_even_early(generator, perceptual):
    picture = tiny_portrait(generator).image
    found = invert(generator, picture, None, QUICK, lambda s, n, i: KeepBest, perceptual=perceptual)
    assert found.report["steps"] == 1 and bool(torch.isfinite(found.ws).all())
    assert any("Stopped by hand after 1 of" in warning for warning in found.report["warnings"])


@pytest.mark.parametrize("loss", ["tv", "consistency", "warp", "none"])
def test_every_depth_loss_runs(generator, perceptual, loss):
    config = QUICK.replace(steps=2, depth_loss=loss)
    found = invert(generator, tiny_portrait(generator).image, None, config, perceptual=perceptual)
    assert ("depth" in found.history[0].losses) == (loss != "none")


def test_twins_keep_coarse_layers_and_share_one_z_per_twin(prior):
    """Eq. 3: W' = alpha W + (1 - alpha) M(z) in the last six layers (of 18, counted from the end)."""
    seen = []
    prior.generator.synthesis.register_forward_pre_hook(lambda m, args: seen.append(args[0].clone()))
    code = torch.randn(1, 8, 12, generator=torch.Generator().manual_seed(1))
    config = InversionConfig(twin_samples=3)
    twins = draw_twins(prior, code, config.twin_layers, config, torch.Generator().manual_seed(2))
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(2))
    fresh = prior.generator.mapping(z)
    assert twins.shape == (3, 3, 32, 32)
    assert torch.equal(seen[0][:, :2], code[:, :2].expand(3, -1, -1))
    assert torch.allclose(seen[0][:, 2:], 0.2 * code[:, 2:] + 0.8 * fresh[:, 2:], atol=1e-6)


def test_median_pose_ignores_one_wild_twin():
    angles = torch.tensor(
        [[0.0, 0.30, 0.0], [0.0, 0.32, 0.0], [0.0, 0.31, 0.0], [0.5, -0.9, 0.3], [0.0, 0.3, 0]]
    )
    label, spread = median_pose(angles, torch.zeros(5, 3))
    wanted = cameras.from_deep3d(torch.tensor([[0.0, 0.30, 0.0]]), torch.zeros(1, 3))
    assert float(cameras.rotation_difference_deg(label, wanted)) < 1.5 and spread < 2.0


@pytest.mark.parametrize("way", ["twin", "image", "frontal", "random", "user"])
def test_every_first_pose_is_a_label(prior, way):
    picture = Aligned(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    dice = torch.Generator().manual_seed(1)
    start = first_pose(prior, picture, InversionConfig(pose_init=way), dice, cameras.orbit(12.0))
    assert start.camera.shape == (1, 25) and start.facts["pose_init"] == way
    assert (start.twins is not None) == (way == "twin")
    if way == "user":
        assert start.facts["first_yaw"] == pytest.approx(12.0, abs=0.01)


@pytest.mark.parametrize(
    ("way", "message"),
    [("twin", "photo prior"), ("image", "photo prior"), ("user", "a pose"), ("landmarks", "face detector")],
)
def test_missing_parts_are_named(way, message):
    config = InversionConfig(pose_init=way)
    with pytest.raises(ITPortraitError, match=message):
        first_pose(None, Aligned(torch.zeros(1, 3, 16, 16)), config, torch.Generator(), None)


def test_realignment_cuts_the_picture_by_the_twins_points(prior):
    plain, other = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    points = torch.rand(5, 2)
    given = []

    def realign(found):
        given.append(found)
        return Aligned(other)

    twins = make_twins(
        prior, Aligned(plain, None, realign, lambda picture: points), InversionConfig(), torch.Generator()
    )
    assert torch.equal(twins.aligned.image, other) and given == [points]


def test_twins_without_a_face_have_no_say_in_the_pose(prior, monkeypatch):
    """Of four twins the detector finds a face on the first and the third; only these are read."""
    asked, read = [], []

    def find(picture):
        asked.append(picture)
        return torch.full((5, 2), 0.5) if len(asked) in (1, 3) else None

    def poses(_, images, aligned):
        read.append(images)
        return torch.zeros(len(images), 3), torch.zeros(len(images), 3)

    monkeypatch.setattr(photo_twin, "estimate_pose", poses)
    aligned = Aligned(torch.rand(1, 3, 32, 32) * 2 - 1, None, None, find)
    config = InversionConfig(realign_rounds=0)
    twins = make_twins(replace(prior, frame="ffhq"), aligned, config, torch.Generator().manual_seed(3))
    assert twins.note == "usual" and len(twins.images) == 4
    assert len(read) == 1 and torch.equal(read[0], torch.cat([asked[0], asked[2]]))


def test_without_a_face_anywhere_the_users_pose_or_the_front_stands_in(prior):
    blind = Aligned(torch.rand(1, 3, 32, 32) * 2 - 1, None, None, lambda picture: None)
    ffhq, config, user = replace(prior, frame="ffhq"), InversionConfig(realign_rounds=0), cameras.orbit(20.0)
    for given, wanted in ((None, cameras.front()), (user, user)):
        start = first_pose(ffhq, blind, config, torch.Generator().manual_seed(1), given)
        assert torch.allclose(start.camera, wanted.float()) and start.facts["twin_face"] is False
        assert "twin_spread" not in start.facts


def test_twins_that_disagree_give_way_to_wider_layers_and_then_to_none(prior, monkeypatch):
    spreads = iter([40.0, 30.0, 0.0])
    label = cameras.front()
    monkeypatch.setattr(photo_twin, "median_pose", lambda *pose: (label, next(spreads)))
    twins = make_twins(prior, Aligned(torch.zeros(1, 3, 32, 32)), InversionConfig(), torch.Generator())
    assert twins.note == "none" and len(twins.images) == 1


def test_whole_inversion_with_a_prior_reports(generator, perceptual, prior):
    picture = tiny_portrait(tiny_generator(0, resolution=32)).image
    found = invert(generator, picture, prior, QUICK.replace(pose_init="twin"), perceptual=perceptual)
    wanted = {"mse", "ssim", "psnr", "lpips", "id", "yaw", "pitch", "roll", "pose_residual", "twin_spread"}
    assert wanted <= set(found.report) and found.twin.shape[0] in (1, 4)


def test_weak_inversions_say_why():
    weak = {"lpips": 0.9, "id": 0.1, "pose_residual": 19.9, "twin_spread": 30.0, "twin_face": False}
    assert len(warnings_of(weak, InversionConfig())) == 5
    good = {"lpips": 0.1, "id": 0.9, "pose_residual": 2.0, "twin_spread": 1.0}
    assert warnings_of(good, InversionConfig()) == []


PICTURES = [torch.eye(16).expand(2, 3, 16, 16), torch.zeros(1, 3, 16, 16), torch.eye(16)]


@pytest.mark.parametrize("picture", PICTURES, ids=["batch", "blank", "flat"])
def test_batches_and_blank_pictures_are_refused(generator, perceptual, picture):
    with pytest.raises(ITPortraitError):
        invert(generator, picture, None, QUICK, perceptual=perceptual)


def test_portraits_survive_a_file(generator, tmp_path):
    history = History([Record(0, "invert", {"l2": 0.1}, 0.01, "00")])
    portrait = replace(tiny_portrait(generator), history=history)
    again = Portrait.load(portrait.save(tmp_path / "p.safetensors"))
    assert torch.equal(again.ws, portrait.ws) and torch.equal(again.camera, portrait.camera)
    assert torch.equal(again.image, portrait.image) and again.history.records == history.records
    (tmp_path / "p.safetensors").write_bytes(b"")
    with pytest.raises(ITPortraitError):
        Portrait.load(tmp_path / "p.safetensors")


def test_landmarks_give_the_pose_of_the_face_they_were_seen_on(generator):
    from itportrait_core.alignment.frame import DEEP3D_POINTS
    from itportrait_core.alignment.pose_fit import FIVE_PITCH_OFFSET
    from itportrait_core.guidance.depth import project

    camera = cameras.orbit(25.0, 10.0)
    seen = project(torch.tensor(DEEP3D_POINTS)[None] * 0.3, camera)[0]
    picture = Aligned(torch.zeros(1, 3, 32, 32), find_points=lambda image: (seen + 1) / 2)
    start = first_pose(None, picture, InversionConfig(pose_init="landmarks"), torch.Generator(), None)
    measured = cameras.orbit(25.0, 10.0 - FIVE_PITCH_OFFSET)  # drawn faces tilt that much
    assert float(cameras.rotation_difference_deg(start.camera, measured)) < 4.0


def test_the_pose_of_all_points_goes_before_that_of_five(generator):
    wanted = cameras.orbit(-17.0, 4.0)
    picture = Aligned(torch.zeros(1, 3, 32, 32), find_pose=lambda image: wanted)
    start = first_pose(None, picture, InversionConfig(pose_init="landmarks"), torch.Generator(), None)
    assert torch.equal(start.camera, wanted)


def test_photos_are_not_read_by_a_pose_network_of_drawn_heads(prior):
    """With an imported photo generator and no Deep3DFaceRecon, the twins' poses come from face points."""
    photos, wanted = replace(prior, frame="ffhq"), cameras.orbit(30.0, -6.0, 2.0)
    aligned = Aligned(torch.zeros(1, 3, 64, 64), find_pose=lambda image: wanted)
    twins = make_twins(photos, aligned, InversionConfig(), torch.Generator().manual_seed(0))
    assert float(cameras.rotation_difference_deg(twins.camera, wanted)) < 0.1
    blind = make_twins(photos, Aligned(aligned.image), InversionConfig(), torch.Generator().manual_seed(0))
    assert float(cameras.rotation_difference_deg(blind.camera, wanted)) > 1.0
