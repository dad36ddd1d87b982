"""Runs that are pulled at any step and taken up again end bit-equal."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import torch
from harness import stand_ins

from itportrait_core.guidance.perceptual import random_trunk
from itportrait_core.methods.configs import APTConfig
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.stylize.apt import stylize
from tests.trust.counts import SEED, rounds, tally

STEPS = 6


class Pulled(Exception):
    """The plug."""


def test_resumed_runs_end_as_uninterrupted_ones(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    generator = stand_ins.generator().eval().requires_grad_(False)
    person, metric = sample_portrait(generator, 1), random_trunk()
    config = APTConfig(steps=STEPS, seed=3)
    whole = stylize(generator, person, config, perceptual=metric).state_dict()
    with tally("resumes") as line:
        for _ in rounds(line):
            stop, point = dice.randrange(STEPS - 1), tmp_path / "run.resume"

            def pull(step: int, total: int, info: object, stop: int = stop) -> None:
                if step == stop:
                    raise Pulled

            with contextlib.suppress(Pulled):
                stylize(generator, person, config, pull, perceptual=metric, resume=point, every_steps=1)
            again = stylize(generator, person, config, perceptual=metric, resume=point).state_dict()
            if not all(torch.equal(again[name], value) for name, value in whole.items()):
                line.failures.append(f"pulled at step {stop}")
