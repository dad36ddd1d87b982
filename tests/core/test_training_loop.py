"""The training loop: a resumed run goes on exactly where it stopped, and the budget is kept."""

from __future__ import annotations

import torch
from torch import nn

from itportrait_core.pocket.training import loop


class Clock:
    """Every reading is one second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def make(folder, minutes: float) -> loop.Trainer:
    module = nn.Linear(4, 1)
    with torch.no_grad():
        module.weight.fill_(0.5)
        module.bias.zero_()
    config = loop.LoopConfig(minutes=minutes, seed=3, save_seconds=1e9, hold=1.0)
    groups = [{"params": list(module.parameters()), "lr": 0.01}]
    return loop.Trainer("line", module, groups, folder, config, say=lambda line: None)


def loss(trainer: loop.Trainer) -> dict[str, torch.Tensor]:
    x = torch.randn(8, 4, generator=trainer.rng)
    return {"error": (trainer.module(x) - x.sum(1, keepdim=True)).square().mean()}


def test_a_resumed_run_equals_an_unbroken_one(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "time", Clock())
    whole = make(tmp_path / "whole", 20 / 60)
    whole.run(loss)
    make(tmp_path / "broken", 8 / 60).run(loss)
    resumed = make(tmp_path / "broken", 20 / 60)
    assert resumed.step == 8
    resumed.run(loss)
    assert resumed.step == whole.step == 20
    for ours, theirs in ((resumed.module, whole.module), (resumed.average, whole.average)):
        assert torch.equal(ours.weight, theirs.weight)
    assert not list(tmp_path.rglob("*.part"))


def test_the_loss_falls_and_the_average_follows(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "time", Clock())
    trainer = make(tmp_path, 60 / 60)
    before = float(loss(trainer)["error"])
    average = trainer.run(loss)
    assert float(loss(trainer)["error"]) < before
    assert not torch.equal(average.weight, trainer.module.weight)
    assert (average.weight - trainer.module.weight).abs().max() < 0.5
