"""Resume points: bit-exact at random stopping points, refused for another run, nothing half-written."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch

from itportrait_core.checkpoints import tensor_file
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.configs import APTConfig, InversionConfig, ITEConfig, TuningConfig
from itportrait_core.methods.couple.couple import couple
from itportrait_core.methods.inversion.invert import invert
from itportrait_core.methods.shared.run import KeepBest
from itportrait_core.methods.stylize.apt import stylize
from itportrait_core.methods.tuning.tune import pivotal_tune
from tests.core.tiny import same_weights, tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait

STEPS = 6


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual(), [tiny_clip(0)]


class Pulled(Exception):
    """Stands for a crash or a cancel."""


def pull_at(stop: int):
    """An `on_step` that breaks the run after step `stop`."""

    def on_step(step, total, info):
        if step == stop:
            raise Pulled

    return on_step


def coupled(parts, on_step=None, **options):
    generator, portrait, perceptual, clips = parts
    config = ITEConfig(steps=STEPS, batch=1, views=2, tau=0.0)
    return couple(generator, portrait, "hat", clips, config, on_step, perceptual=perceptual, **options)


@pytest.fixture(scope="module")
def whole(parts):
    return coupled(parts)


@pytest.mark.parametrize("case", range(20))
def test_coupled_resume_is_bit_exact_at_random_points(parts, whole, case, tmp_path):
    rng = random.Random(case)
    stop, every = rng.randrange(1, STEPS - 1), rng.randrange(1, 3)
    point = tmp_path / "run.safetensors"
    with pytest.raises(Pulled):
        coupled(parts, pull_at(stop), resume=point, every_steps=every)
    again = coupled(parts, resume=point, every_steps=every)
    assert same_weights(again.target, whole.target) and same_weights(again.style, whole.style)
    assert again.history.to_json() == whole.history.to_json()
    assert list(tmp_path.iterdir()) == []  # a finished run leaves no resume point and no draft


@pytest.mark.parametrize("trained", ["styles", "latents"])
@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_what_was_taken_over_from_the_style_is_resumed(parts, stop, trained, tmp_path):
    """G_t begins as G_s after the warm-up, and only some of those weights are trained further."""
    generator, portrait, perceptual, clips = parts
    config = ITEConfig(
        steps=STEPS, warmup=1, batch=1, views=2, tau=0.0, target_start="style", trained=trained,
        modules=("synthesis",), apt=APTConfig(clip=1.0, empty=1.0),
    )  # fmt: skip

    def go(on_step=None, **options):
        return couple(generator, portrait, "hat", clips, config, on_step, perceptual=perceptual, **options)

    point = tmp_path / "run.safetensors"
    with pytest.raises(Pulled):
        go(pull_at(stop), resume=point, every_steps=1)
    again, once = go(resume=point, every_steps=1), go()
    assert same_weights(again.target, once.target) and same_weights(again.style, once.style)


def image_only(parts, on_step=None, **options):
    generator, portrait, perceptual, _ = parts
    return stylize(generator, portrait, APTConfig(steps=6), on_step, perceptual=perceptual, **options)


def tuned(parts, on_step=None, **options):
    generator, portrait, perceptual, _ = parts
    config = TuningConfig(steps=6, lpips_stop=0.0, depth_every=2)
    return pivotal_tune(generator, portrait, config, on_step, perceptual=perceptual, **options)


@pytest.mark.parametrize("method", [image_only, tuned])
@pytest.mark.parametrize("stop", [1, 4])
def test_other_methods_resume_bit_exactly(parts, method, stop, tmp_path):
    point = tmp_path / "run.safetensors"
    with pytest.raises(Pulled):
        method(parts, pull_at(stop), resume=point, every_steps=1)
    assert same_weights(method(parts, resume=point, every_steps=1), method(parts))


@pytest.mark.parametrize("stop", [1, 5, 8])
def test_inversion_resumes_bit_exactly(parts, stop, tmp_path):
    generator, portrait, perceptual, _ = parts
    config = InversionConfig(steps=10, pose_preheat=2, pose_init="frontal", start_samples=16, stop_window=0)

    def go(on_step=None, **options):
        return invert(generator, portrait.image, None, config, on_step, perceptual=perceptual, **options)

    point = tmp_path / "run.safetensors"
    with pytest.raises(Pulled):
        go(pull_at(stop), resume=point, every_steps=1)
    again, once = go(resume=point, every_steps=1), go()
    assert torch.equal(again.ws, once.ws) and torch.equal(again.camera, once.camera)
    assert again.report == once.report and again.history.records == once.history.records


def test_a_resume_point_of_another_run_is_refused(parts, tmp_path):
    generator, portrait, perceptual, _ = parts
    point = tmp_path / "run.safetensors"
    with pytest.raises(Pulled):
        image_only(parts, pull_at(2), resume=point, every_steps=1)
    with pytest.raises(ITPortraitError, match="another run"):
        stylize(generator, portrait, APTConfig(steps=6, lr=0.01), perceptual=perceptual, resume=point)
    other = dataclasses.replace(portrait, image=-portrait.image)
    with pytest.raises(ITPortraitError, match="another run"):
        image_only((generator, other, *parts[2:]), resume=point)


def test_a_damaged_resume_point_is_set_aside(parts, tmp_path):
    """A point that a crash cut off is only a cache: the run begins anew, and ends as without it."""
    point = tmp_path / "run.safetensors"
    point.write_bytes(b"no tensors at all")
    assert same_weights(image_only(parts, resume=point), image_only(parts))
    assert [path.suffix for path in tmp_path.iterdir()] == [".damaged"]


def test_stop_and_keep_leaves_a_point_to_go_on_from(parts, tmp_path):
    point = tmp_path / "run.safetensors"
    kept = image_only(parts, lambda s, n, i: KeepBest if s == 2 else None, resume=point, every_steps=0)
    assert point.is_file() and len(kept.history) == 3
    assert same_weights(image_only(parts, resume=point), image_only(parts))


def test_a_full_disk_is_told_and_leaves_nothing(parts, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensor_file, "write_values", full)
    with pytest.raises(ITPortraitError, match="No space left"):
        image_only(parts, resume=tmp_path / "run.safetensors", every_steps=1)
    assert list(tmp_path.iterdir()) == []
