"""Inversion (Eq. 4): what is found again, what moves when, losses, restarts, batches, report."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.configs import InversionConfig
from itportrait_core.methods.inversion.invert import invert, invert_batch
from itportrait_core.methods.inversion.report import warnings_of
from itportrait_core.methods.inversion.start_latents import nearest_samples
from itportrait_core.methods.inversion.task import InversionTask
from itportrait_core.methods.shared.history import History, Record
from itportrait_core.methods.shared.latent_statistics import latent_statistics
from itportrait_core.methods.shared.latent_whitening import SAMPLES, LatentWhitening, latent_spread
from itportrait_core.methods.shared.passes import fit_picture
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.run import KeepBest
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait, tiny_prior

QUICK = InversionConfig(steps=6, pose_preheat=2, pose_init="frontal", start_samples=16, stop_window=0)


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


@pytest.fixture(scope="module")
def prior():
    return tiny_prior()


@pytest.fixture(scope="module")
def perceptual():
    return tiny_perceptual()


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
    units = LatentWhitening(generator, latent_statistics(generator, 16).mean)
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
    spread = latent_spread(latent_statistics(generator, SAMPLES * generator.w_dim))
    units, ws = LatentWhitening(generator, latent_statistics(generator, 16).mean), torch.randn(2, 8, 12)
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


def test_the_best_step_is_returned_and_not_the_last(generator, perceptual):
    """Steps that are far too large lead away: what comes back is the latent of the lowest loss."""
    config = InversionConfig(
        steps=8, pose_preheat=0, start_samples=8, pose_init="frontal", optimise_pose=False, w_noise=0.0,
        lr_w=1.0, rampup=0.0, rampdown=0.0, stop_window=0,
    )  # fmt: skip
    picture = tiny_portrait(generator).image
    whole = invert(generator, picture, None, config, perceptual=perceptual)
    totals = [value for _, value in whole.history.column("total")]
    best = totals.index(min(totals))
    assert best < len(totals) - 1
    until = invert(
        generator, picture, None, config, lambda step, total, info: KeepBest if step == best else None,
        perceptual=perceptual,
    )  # fmt: skip
    assert torch.equal(whole.ws, until.ws)


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


def test_a_preview_shows_the_picture_and_what_is_made_of_it(generator, perceptual):
    """Two pictures; the nodes lay them side by side."""
    truth, pictures = sample_portrait(generator, 5), []
    config = QUICK.replace(steps=2)
    invert(
        generator, truth.image, None, config, lambda *step: pictures.append(step[2].preview()),
        perceptual=perceptual,
    )  # fmt: skip
    assert [one.shape for one in pictures] == [(2, *truth.image.shape[1:])] * 2
    assert torch.allclose(pictures[0][:1], truth.image.clamp(-1, 1), atol=1e-5)
    assert not torch.equal(pictures[0][1], pictures[1][1])
