"""The training loop of all pocket networks: seeded, resumable, with a time budget and averaged weights."""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .interrupt import between_steps
from .muon import Muon

LossFunction = Callable[["Trainer"], Mapping[str, Tensor]]
"""Called once per step; its values are added up and differentiated, and shown under their names."""


@dataclass(frozen=True)
class LoopConfig:
    """How long and how carefully a network is trained."""

    minutes: float = 60.0
    """Time budget over all resumed runs; the step size falls to nearly nothing towards its end."""
    seed: int = 0
    """Seed of the one source of random numbers."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's decay rates."""
    warmup: int = 50
    """Steps until the full step size."""
    hold: float = 0.4
    """Share of the budget with the full step size; after it, half a cosine."""
    floor: float = 0.02
    """Step size at the end, as a share of the full one."""
    average: float = 0.998
    """Decay per step of the running average of the weights, which is what is shipped."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    save_seconds: float = 60.0
    """Time between resume points."""
    report_seconds: float = 15.0
    """Time between progress lines."""


def resume_file(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the resume point of a training lies."""
    return Path(folder) / f"{name}.resume.pt"


def make_optimizers(groups: list[dict[str, Any]], betas: tuple[float, float]) -> list[torch.optim.Optimizer]:
    """Adam for the plain groups and Muon for those marked "orthogonal", as far as there are any."""
    plain = [group for group in groups if not group.get("orthogonal")]
    marked = [group for group in groups if group.get("orthogonal")]
    optimizers: list[torch.optim.Optimizer] = []
    if plain:
        optimizers.append(torch.optim.Adam(plain, betas=betas))
    if marked:
        optimizers.append(Muon(marked))
    return optimizers


class Trainer:
    """Adam (and Muon) over parameter groups, with a resume point on disk.

    Attributes:
        rng: the source of random numbers of the run.
        step: optimiser steps so far.
        elapsed: seconds trained so far, over all resumed runs.
        average: the module with averaged weights.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        groups: list[dict[str, Any]],
        folder: str | os.PathLike[str],
        config: LoopConfig | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        """Set up, and continue from `folder/name.resume.pt` where that exists.

        Args:
            name: of the network; names the resume point and the progress lines.
            module: what is trained; its state is replaced when resuming.
            groups: parameter groups, each with its own "lr"; those with "orthogonal" true are Muon's, the
                rest Adam's.
            folder: where the resume point lies.
            config: budget, seed and step sizes.
            say: takes the progress lines.
        """
        self.name, self.module, self.config, self.say = name, module, config or LoopConfig(), say
        self.rng = torch.Generator().manual_seed(self.config.seed)
        self.optimizers = make_optimizers(groups, self.config.betas)
        self.rates = [group["lr"] for group in self.groups]
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        self.step, self.elapsed = 0, 0.0
        self.path = resume_file(folder, name)
        if self.path.is_file():
            self._resume()

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups of all optimisers; resuming replaces them, so they are not to be kept."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @property
    def progress(self) -> float:
        """Share of the time budget that is used, 0 to 1."""
        return min(self.elapsed / (self.config.minutes * 60.0), 1.0)

    def run(self, loss: LossFunction, on_save: Callable[[Trainer], None] | None = None) -> nn.Module:
        """Train until the budget is used; returns the averaged module.

        Args:
            loss: computes the terms of one step.
            on_save: called after every resume point, for previews and early exports.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the step is done and the resume point is written.
        """
        saved = reported = self.elapsed
        averages: dict[str, float] = {}
        with between_steps() as stop:
            while self.progress < 1.0:
                began = time.monotonic()
                terms = loss(self)
                self._update(sum(terms.values()))
                values = torch.stack([value.detach().float() for value in terms.values()]).tolist()
                self.elapsed += time.monotonic() - began  # a card is done where its numbers were read
                for key, value in zip(terms, values, strict=True):
                    averages[key] = 0.95 * averages.get(key, value) + 0.05 * value
                if self.elapsed - reported >= self.config.report_seconds:
                    reported = self.elapsed
                    self._report(averages)
                if self.elapsed - saved >= self.config.save_seconds or self.progress >= 1.0:
                    saved = self.elapsed
                    self.save()
                    if on_save is not None:
                        on_save(self)
                if stop.asked:
                    self.save()
                    raise KeyboardInterrupt
        return self.average

    def save(self) -> None:
        """Write the resume point: a temporary neighbour, then a rename."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "random": self.rng.get_state(),
            "step": self.step,
            "elapsed": self.elapsed,
        }
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, suffix=".part")
        os.close(handle)
        try:
            torch.save(state, temporary)
            os.replace(temporary, self.path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _resume(self) -> None:
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self.module.load_state_dict(state["module"])
        self.average.load_state_dict(state["average"])
        for optimizer, moments in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(moments)
        self.rng.set_state(state["random"])
        self.step, self.elapsed = state["step"], state["elapsed"]
        self.say(f"{self.name}: continuing at step {self.step}, {self.elapsed / 60:.1f} min")

    def _update(self, total: Tensor) -> None:
        for group, rate in zip(self.groups, self.rates, strict=True):
            group["lr"] = rate * self._rate()
        parameters = [p for group in self.groups for p in group["params"]]
        for p in parameters:
            p.grad = None
        total.backward()
        nn.utils.clip_grad_norm_(parameters, self.config.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for average, fresh in zip(self.average.parameters(), self.module.parameters(), strict=True):
                average.lerp_(fresh, 1.0 - decay)
            for average, fresh in zip(self.average.buffers(), self.module.buffers(), strict=True):
                average.copy_(fresh)

    def _rate(self) -> float:
        """Share of the full step size: warm-up, plateau, half a cosine."""
        warm = min((self.step + 1) / max(self.config.warmup, 1), 1.0)
        late = max(self.progress - self.config.hold, 0.0) / max(1.0 - self.config.hold, 1e-6)
        fall = self.config.floor + (1.0 - self.config.floor) * 0.5 * (1.0 + math.cos(math.pi * late))
        return warm * fall

    def _report(self, averages: Mapping[str, float]) -> None:
        terms = "  ".join(f"{key} {value:.4f}" for key, value in averages.items())
        minutes, budget = self.elapsed / 60, self.config.minutes
        self.say(
            f"{self.name}: {self.progress:4.0%}  {minutes:.1f}/{budget:g} min  step {self.step}  {terms}"
        )
