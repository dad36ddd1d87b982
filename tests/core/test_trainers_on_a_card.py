"""Every trainer runs on a card: two steps, its files, and the way back from its resume point.

The card is pretended (`pretended_card`), so mixed devices raise without one. Its numbers are real: losses
must be the CPU's, because a seed means the same everywhere. Gradients are not computed there, but put.
"""

from __future__ import annotations

import importlib
import math
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor

from itportrait_core.pocket.training import (
    command,
    generator,
    heads_seen,
    loop,
    precision,
    stopped_synthesis,
)
from tests.core.pretended_card import pretended_card
from tests.core.test_training_loop import Clock
from tests.core.tiny_family import make_small

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*CUDA is not available"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="a real card is there; nothing can be pretended"),
]
ORDER = (
    "generator", "photo", "encoder", "pose", "identity", "perceptual", "clip_guide", "clip_judge",
    "style_prior", "style_code",
)  # fmt: skip
GENERATOR = generator.GeneratorTraining(
    heads=2,
    pictures=2,
    pictures_from=0.0,
    full_planes_from=1.0,
    whole_every=2,
    near_points=64,
    free_points=32,
)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The total of every step; the gradient of everything is 0.001."""
    totals: list[float] = []
    clip = torch.nn.utils.clip_grad_norm_

    def give_gradients(parameters: list[Tensor], limit: float) -> Tensor:
        for p in parameters:
            p.grad = torch.full_like(p, 1e-3)
        return clip(parameters, limit)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", give_gradients)
    monkeypatch.setattr(Tensor, "backward", lambda total: totals.append(float(total.detach())))
    return totals


def two_steps(name: str, folder: Path, device: str, minutes: float) -> None:
    module, function = command.TRAINERS[name]
    trainer = importlib.import_module(module, command.__package__)
    more = {"settings": GENERATOR} if name == "generator" else {}
    getattr(trainer, function)(folder, minutes=minutes, seed=1, device=device, **more)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small trainings, a second per step, all in float32: bfloat16 is fast on some processors only."""
    make_small(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr(loop, "time", Clock())
    monkeypatch.setattr(heads_seen, "CHUNK", 2)
    for module in (precision, stopped_synthesis):
        monkeypatch.setattr(module, "half_is_fast", lambda device="cpu": False)


@pytest.mark.parametrize("name", ["generator", "pose", "identity", "clip_judge"])
def test_a_trainer_runs_on_a_card(name, losses, small, tmp_path):
    with pretended_card():
        two_steps(name, tmp_path, "cuda", 2 / 60)
    assert len(losses) == 2 and all(map(math.isfinite, losses))


@pytest.mark.slow
def test_every_trainer_loses_on_a_card_what_it_loses_on_a_cpu(losses, small, tmp_path):
    by_device = {}
    for device in ("cpu", "cuda"):
        with pretended_card() if device == "cuda" else nullcontext():
            for name in ORDER:
                two_steps(name, tmp_path / device, device, 2 / 60)
                by_device[device, name] = losses[:]
                losses.clear()
            two_steps("pose", tmp_path / device, device, 3 / 60)
            by_device[device, "resumed"] = losses[:]
            losses.clear()
    pairs = {name: (by_device["cuda", name], by_device["cpu", name]) for name in (*ORDER, "resumed")}
    far = {name: pair for name, pair in pairs.items() if pair[0] != pytest.approx(pair[1], rel=3e-3)}
    assert not far
    files = [sorted(f.name for f in (tmp_path / device).iterdir()) for device in ("cpu", "cuda")]
    assert files[0] == files[1] and "style_prior.safetensors" in files[0]
