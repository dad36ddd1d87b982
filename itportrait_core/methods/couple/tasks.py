"""ITE alone, and the alternation of APT and ITE with a frozen G_o (docs/method.md#alternation).

A run of APT alone is `stylize.apt.ImageTask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..shared.history import Record
from ..shared.memory_plan import Load
from ..shared.passes import PreviewStrip
from ..shared.trainable import trained_parameters
from ..shared.training import Trained, TrainingTask
from ..stylize.apt import APT
from .config import ITEConfig
from .ite import ITE


def stage_of(config: ITEConfig, index: int) -> str:
    """ "apt" or "ite": what step `index` is. After the warm-up, groups of both alternate, APT first."""
    if index < config.warmup:
        return "apt"
    place = (index - config.warmup) % (config.apt_per_round + config.ite_per_round)
    return "apt" if place < config.apt_per_round else "ite"


class TextTask(TrainingTask):
    """A run of ITE alone."""

    def __init__(self, ite: ITE, strip: PreviewStrip, facts: Mapping[str, Any]) -> None:
        """`facts`: what the run depends on."""
        super().__init__(
            ite.config.steps, ite.rng, [_trained_target(ite)], strip, facts, [ite], load_of(ite, 1)
        )
        self.ite = ite

    def update(self, index: int) -> Record:
        """One ITE step."""
        return self.ite.step(index)


class CoupledTask(TrainingTask):
    """Steps of APT on G_s and of ITE on G_t in turn, from one source of random numbers."""

    def __init__(self, apt: APT, ite: ITE, strip: PreviewStrip, facts: Mapping[str, Any]) -> None:
        """`facts`: what the run depends on."""
        trained = [Trained("style", apt.g_s, apt.optimizer, "adam-style"), _trained_target(ite)]
        super().__init__(
            ite.config.steps, ite.rng, trained, strip, facts, [*apt.renderers(), ite], load_of(ite, 2)
        )
        self.apt, self.ite, config = apt, ite, ite.config
        # the step before which G_t becomes a copy of G_s; -1 for never
        self.init_target_at = config.warmup + config.apt_per_round if config.target_start == "style" else -1

    def update(self, index: int) -> Record:
        """One step of either. G_t becomes what G_s is at `init_target_at`."""
        if stage_of(self.ite.config, index) == "apt":
            record = self.apt.step(index)
            self.apt.g_s.zero_grad(set_to_none=True)  # room for the text's step
            return record
        if index == self.init_target_at:
            self.ite.g_t.load_state_dict(self.apt.g_s.state_dict())
        return self.ite.step(index)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `run.Task`. G_t may have taken over more from G_s than it trains."""
        tensors, facts = super().state()
        if self.init_target_at >= 0:
            tensors |= {f"untrained.{name}": value.clone() for name, value in self._untrained().items()}
        return tensors, facts

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """See `run.Task`."""
        if self.init_target_at >= 0:
            untrained = {name: tensors[f"untrained.{name}"] for name in self._untrained()}
            self.ite.g_t.load_state_dict(untrained, strict=False)
        super().restore(tensors, facts)

    def _untrained(self) -> dict[str, Tensor]:
        """What of G_t is not trained; G_t has it from G_s."""
        trained = trained_parameters(self.ite.g_t)
        return {name: value for name, value in self.ite.g_t.state_dict().items() if name not in trained}


def load_of(ite: ITE, trained: int) -> Load:
    """What an ITE step holds in memory; an APT step needs less."""
    config = ite.config
    views = len(config.view_yaws) or config.views
    side = config.neural_resolution if config.fast_share >= 1 else 0
    return Load(config.batch, views, trained, side)


def _trained_target(ite: ITE) -> Trained:
    return Trained("target", ite.g_t, ite.optimizer, "adam-target")
