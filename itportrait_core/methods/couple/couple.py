"""The alternation of APT and ITE with a frozen G_o (paper section 4.3; docs/method.md#alternation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ITPortraitError
from ...guidance.clip import ClipModel, listed_clips
from ...guidance.perceptual import Perceptual, load_perceptual
from ..shared.history import History
from ..shared.lineage import finish, run_identity
from ..shared.passes import PreviewStrip
from ..shared.portrait import Portrait, check_fits
from ..shared.run import OnStep, StepInfo, pack_optimizer, run, trainable_mode, unpack_optimizer
from ..shared.trainable import (
    copy_for_training,
    frozen_copy,
    pack_weights,
    trained_parameters,
    unpack_weights,
)
from ..stylize.apt import APT
from .config import ITEConfig
from .ite import ITE


@dataclass(frozen=True)
class CoupledResult:
    """G_t (`target`), G_s (`style`; None after a text-only run) and the run's history."""

    target: nn.Module
    style: nn.Module | None
    history: History


def stage_of(config: ITEConfig, index: int) -> str:
    """ "apt" or "ite": what step `index` is. After the warm-up, groups of both alternate, APT first."""
    if config.mode != "coupled":
        return "ite" if config.mode == "text_only" else "apt"
    if index < config.warmup:
        return "apt"
    place = (index - config.warmup) % (config.apt_per_round + config.ite_per_round)
    return "apt" if place < config.apt_per_round else "ite"


class _Alternation:
    """The run: steps of `apt` and `ite` on their own generators, one rng."""

    def __init__(
        self, config: ITEConfig, g_o: nn.Module, content: Tensor, apt: APT | None, ite: ITE | None,
        rng: torch.Generator, facts: dict[str, Any],
    ) -> None:  # fmt: skip
        self.config, self.g_o, self.content = config, g_o, content
        self.apt, self.ite, self.rng, self.facts = apt, ite, rng, facts
        self.total, self.history = config.steps, History()
        self.strip = PreviewStrip(g_o, content)
        self.init_target_at = config.warmup + config.apt_per_round if config.target_start == "style" else -1

    def step(self, index: int) -> StepInfo:
        if stage_of(self.config, index) == "apt":
            assert self.apt is not None
            record = self.apt.step(index)
        else:
            assert self.ite is not None
            if self.apt is not None and index == self.init_target_at:
                self.ite.g_t.load_state_dict(self.apt.g_s.state_dict())
            fast = index < self.config.fast_share * self.total
            record = self.ite.step(index, self.config.neural_resolution if fast else 0)
        self.history.add(record)
        gate, delta = _mean(record.gate), _mean(record.delta)
        return StepInfo(record.losses, self._preview, gate=gate, delta=delta, stage=record.stage)

    def _preview(self) -> Tensor:
        return self.strip.show(*(trained for _, trained, _ in self._trained()))

    def finished(self) -> bool:
        return False

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {"rng": self.rng.get_state()}
        for name, trained, method in self._trained():
            tensors |= {**pack_weights(trained, name), **pack_optimizer(method.optimizer, f"adam-{name}")}
        if self.ite is not None and self.init_target_at >= 0:  # it took over more than it trains
            tensors |= {f"untrained.{name}": value.clone() for name, value in self._untrained().items()}
        return tensors, {"history": self.history.to_json()}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        if self.ite is not None and self.init_target_at >= 0:
            untrained = {name: tensors[f"untrained.{name}"] for name in self._untrained()}
            self.ite.g_t.load_state_dict(untrained, strict=False)
        for name, trained, method in self._trained():
            unpack_weights(trained, tensors, name)
            unpack_optimizer(method.optimizer, tensors, f"adam-{name}")
        self.rng.set_state(tensors["rng"])
        self.history = History.from_json(facts["history"])

    def _untrained(self) -> dict[str, Tensor]:
        """What of G_t is not trained; G_t has it from G_s."""
        assert self.ite is not None
        trained = trained_parameters(self.ite.g_t)
        return {name: value for name, value in self.ite.g_t.state_dict().items() if name not in trained}

    def _trained(self) -> list[tuple[str, nn.Module, Any]]:
        parts: list[tuple[str, nn.Module, Any]] = []
        if self.apt is not None:
            parts.append(("style", self.apt.g_s, self.apt))
        if self.ite is not None:
            parts.append(("target", self.ite.g_t, self.ite))
        return parts

    def identity(self) -> str:
        return run_identity(method="couple", config=self.config, source=self.g_o, **self.facts)


def couple(
    generator: nn.Module,
    portrait: Portrait | None,
    text: str = "",
    clip: ClipModel | Sequence[ClipModel] | None = None,
    config: ITEConfig | None = None,
    on_step: OnStep | None = None,
    *,
    content: Portrait | None = None,
    style: nn.Module | None = None,
    perceptual: Perceptual | None = None,
    resume: str | Path | None = None,
    every_steps: int = 25,
    every_seconds: float = 0.0,
) -> CoupledResult:
    """Image-text coupled fine-tuning: alternate APT on G_s with ITE on G_t; G_o stays frozen.

    Args:
        generator: G_o. It is not changed.
        portrait: the inverted style picture; may be None for a text-only run.
        text: T_target, "wearing glasses" for instance; may be empty for an image-only run.
        clip: one CLIP or several (their losses are summed); the embedded guide where None.
        content: the person whose latent takes part in Eq. 7; the style portrait where None.
        style: a G_s to start from (from `stylize`); G_o where None.
        perceptual: LPIPS for APT and for ITE's `likeness`; the embedded trunk where None.
        resume: file of the resume point, see `run.run`.

    Returns:
        `target` (G_t; after an image-only run the same as `style`), `style` (G_s) and the history. Both
        generators carry `.lineage` and `.history`.

    Raises:
        ITPortraitError: for a missing portrait or text that the mode needs, or parts that do not fit.
    """
    config = config or ITEConfig()
    _check(config, portrait, text)
    with trainable_mode():
        device = next(generator.parameters()).device
        g_o = frozen_copy(generator)
        rng = torch.Generator().manual_seed(config.seed)
        person = _content_latent(generator, content or portrait).to(device)
        picture = None if portrait is None else portrait.for_training(device)
        apt = ite = metric = None
        needed = config.mode != "image_only" or config.apt.clip > 0
        clips = listed_clips(clip, device) if needed else []
        if config.mode != "text_only" or config.likeness > 0:
            metric = (perceptual or load_perceptual()).to(device)
        if config.mode != "text_only":
            assert picture is not None  # `_check` asked for a portrait
            trained = copy_for_training(style or generator, config.apt.modules)
            assert metric is not None
            apt = APT(g_o, trained, picture, config.apt, metric, rng, clips)
        if config.mode != "image_only":
            target = copy_for_training(generator, config.modules, config.trained)
            style_image = picture and picture.image
            styled = None if apt is None else apt.g_s
            ite = ITE(g_o, styled, target, person, text, clips, config, rng, style_image, metric)
        facts = {
            "content": person, "text": text, "start": style or "",
            "portrait": [] if picture is None else [picture.ws, picture.camera, picture.image],
            "clips": [c.name for c in clips],
            "perceptual": metric.name if metric else "",
        }  # fmt: skip
        task = _Alternation(config, g_o, person, apt, ite, rng, facts)
        run(task, on_step, resume=resume, every_steps=every_steps, every_seconds=every_seconds)
        return _result(task, generator, config, None if picture is None else picture.image, text)


def _result(
    task: _Alternation, base: nn.Module, config: ITEConfig, image: Tensor | None, text: str
) -> CoupledResult:
    facts = {"image": image, "text": text or None}
    styled = targeted = None
    if task.apt is not None:
        styled = finish(task.apt.g_s, base, "couple:style", config, task.history, **facts)
    if task.ite is not None:
        targeted = finish(task.ite.g_t, base, "couple:target", config, task.history, **facts)
    return CoupledResult(targeted if targeted is not None else styled, styled, task.history)


def _check(config: ITEConfig, portrait: Portrait | None, text: str) -> None:
    if config.mode != "text_only" and portrait is None:
        raise ITPortraitError(f"Mode {config.mode} needs a style portrait; connect one, or choose text_only.")
    if config.mode != "image_only" and not text.strip():
        raise ITPortraitError(f"Mode {config.mode} needs a text; write one, or choose image_only.")
    if config.mode == "coupled" and config.warmup >= config.steps:
        raise ITPortraitError(
            f"The warm-up of {config.warmup} steps leaves none of {config.steps}; raise the steps."
        )


def _content_latent(generator: nn.Module, person: Portrait | None) -> Tensor:
    if person is None:
        from ..shared.passes import draw_latents

        return draw_latents(generator, 256, torch.Generator().manual_seed(0)).mean(dim=0, keepdim=True)
    check_fits(generator, person)
    return person.ws.detach().clone()


def _mean(values: dict[str, float]) -> float | None:
    return sum(values.values()) / len(values) if values else None
