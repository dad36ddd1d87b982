"""Pivotal tuning: it meets the picture, holds the depth, and stops where it should."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.guidance.metrics import compare
from itportrait_core.methods.configs import TuningConfig
from itportrait_core.methods.tuning.tune import pivotal_tune
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait

FAST = {"steps": 25, "lr": 0.01, "lpips_stop": 0.0}


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual()


def test_the_picture_is_met_better(parts):
    generator, portrait, perceptual = parts
    tuned = pivotal_tune(generator, portrait, TuningConfig(**FAST), perceptual=perceptual)
    before = compare(generator.synthesis(portrait.ws, portrait.camera).image, portrait.image)
    after = compare(tuned.synthesis(portrait.ws, portrait.camera).image, portrait.image)
    assert after["mse"] < 0.9 * before["mse"] and after["psnr"] > before["psnr"]


def test_depth_consistency_holds_the_shape(parts):
    generator, portrait, perceptual = parts
    side = cameras.orbit([-30.0, 30.0])

    def drift(weight: float) -> float:
        config = TuningConfig(**FAST, depth=weight, depth_every=1)
        tuned = pivotal_tune(generator, portrait, config, perceptual=perceptual)
        return float((tuned.synthesis(ws, side).image_depth - reference).abs().mean())

    ws = portrait.ws.repeat(2, 1, 1)
    reference = generator.synthesis(ws, side).image_depth
    assert drift(100.0) < 0.5 * drift(0.0)


def test_it_stops_at_the_stated_lpips(parts):
    generator, portrait, perceptual = parts
    tuned = pivotal_tune(generator, portrait, TuningConfig(steps=20, lpips_stop=1.0), perceptual=perceptual)
    assert len(tuned.history) == 1


def test_raw_pictures_take_part_when_asked(parts):
    generator, portrait, perceptual = parts
    tuned = pivotal_tune(generator, portrait, TuningConfig(steps=1, raw=1.0), perceptual=perceptual)
    losses = tuned.history[0].losses
    assert losses["raw"] > 0 and torch.isfinite(torch.tensor(losses["tune"]))


def test_the_step_size_falls_at_the_end(parts):
    generator, portrait, perceptual = parts
    config = TuningConfig(steps=8, rampdown=0.5, lpips_stop=0.0)
    rates = [r.lr for r in pivotal_tune(generator, portrait, config, perceptual=perceptual).history]
    assert rates[3] == config.lr and rates[-1] < 0.3 * config.lr
