"""Pivotal tuning: the generator moves to one picture, the latent stays (docs/method.md#pivotal-tuning)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...guidance.depth import depth_difference
from ...guidance.perceptual import Perceptual, load_perceptual
from ...rendering import cameras
from ..shared.history import History, Record, rng_digest
from ..shared.lineage import finish, run_identity
from ..shared.passes import PreviewStrip, backward_by_view, fit_picture, render_views
from ..shared.portrait import Portrait, check_fits
from ..shared.run import OnStep, StepInfo, pack_optimizer, run, trainable_mode, unpack_optimizer
from ..shared.schedule import ramp
from ..shared.trainable import (
    copy_for_training,
    frozen_copy,
    pack_weights,
    trained_parameters,
    unpack_weights,
)
from .config import TuningConfig

GUARD_YAW, GUARD_PITCH = (-40.0, 40.0), (-15.0, 25.0)
"""Range of the random views where the depth is held, degrees (after SPI, docs/method.md#pivotal-tuning)."""


class _Tuning:
    """The run: pictures at the portrait's pose, depth at random views every few steps."""

    def __init__(
        self, g_o: nn.Module, tuned: nn.Module, portrait: Portrait, config: TuningConfig,
        perceptual: Perceptual, rng: torch.Generator,
    ) -> None:  # fmt: skip
        check_fits(tuned, portrait)
        self.g_o, self.tuned, self.portrait, self.config = g_o, tuned, portrait, config
        self.perceptual, self.rng, self.total, self.history = perceptual, rng, config.steps, History()
        self.picture = fit_picture(portrait.image, tuned.resolution)
        self.strip = PreviewStrip(g_o, portrait.ws, portrait.camera)
        self.small_picture = fit_picture(portrait.image, tuned.neural_rendering_resolution)
        with torch.no_grad():
            self.features, self.small_features = (
                perceptual.features(x) for x in (self.picture, self.small_picture)
            )
        parameters = list(trained_parameters(tuned).values())
        self.optimizer = torch.optim.Adam(parameters, lr=config.lr, betas=config.betas)

    def step(self, index: int) -> StepInfo:
        config, digest, ws = self.config, rng_digest(self.rng), self.portrait.ws
        rate = config.lr * ramp(index / self.total, 0.0, config.rampdown)
        views, depths = self.portrait.camera, []
        if config.depth > 0 and index % config.depth_every == 0:
            guard = cameras.sample_views(
                config.depth_views, GUARD_YAW, GUARD_PITCH, rng=self.rng, stratify_yaw=False
            ).to(views)
            depths = [render.image_depth for render in render_views(self.g_o, ws, guard)]
            views = torch.cat([views, guard])
        losses: dict[str, float] = {}

        def loss_of_view(render: Any, v: int) -> Tensor:
            if v == 0:
                return self._picture_loss(render, losses)
            gap = depth_difference(render.image_depth, depths[v - 1]).mean() / len(depths)
            losses["depth"] = losses.get("depth", 0.0) + float(gap.detach())
            return config.depth * gap

        self.optimizer.zero_grad(set_to_none=True)
        total = backward_by_view(self.tuned, ws, views, loss_of_view, ray_chunk=config.ray_chunk)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        losses = {"tune": total, **losses}
        self.history.add(Record(index, "tune", losses, rate, digest))
        return StepInfo(losses, self._preview, stage="tune")

    def _picture_loss(self, render: Any, losses: dict[str, float]) -> Tensor:
        config = self.config
        pixels = (render.image - self.picture).square().mean()
        distance = self.perceptual.distance(self.features, render.image).mean()
        losses.update(l2=float(pixels.detach()), lpips=float(distance.detach()))
        loss = config.l2 * pixels + config.lpips * distance
        if config.raw > 0:
            raw = (render.image_raw - self.small_picture).square().mean()
            raw = raw + self.perceptual.distance(self.small_features, render.image_raw).mean()
            losses["raw"] = float(raw.detach())
            loss = loss + config.raw * raw
        return loss

    def finished(self) -> bool:
        return bool(self.history) and self.history[-1].losses["lpips"] <= self.config.lpips_stop

    def _preview(self) -> Tensor:
        return torch.cat([self.picture.clamp(-1, 1), self.strip.show(self.tuned)])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {**pack_weights(self.tuned, "tuned"), **pack_optimizer(self.optimizer, "adam")}
        return {**tensors, "rng": self.rng.get_state()}, {"history": self.history.to_json()}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        unpack_weights(self.tuned, tensors, "tuned")
        unpack_optimizer(self.optimizer, tensors, "adam")
        self.rng.set_state(tensors["rng"])
        self.history = History.from_json(facts["history"])

    def identity(self) -> str:
        portrait = self.portrait
        return run_identity(
            method="tune", config=self.config, source=self.g_o, perceptual=self.perceptual.name,
            ws=portrait.ws, camera=portrait.camera, image=portrait.image,
        )  # fmt: skip


def pivotal_tune(
    generator: nn.Module,
    portrait: Portrait,
    config: TuningConfig | None = None,
    on_step: OnStep | None = None,
    *,
    perceptual: Perceptual | None = None,
    resume: str | Path | None = None,
    every_steps: int = 25,
    every_seconds: float = 0.0,
) -> nn.Module:
    """A copy of `generator` that shows the portrait's picture itself at the portrait's latent and pose.

    Use it as G_o and as the start of an edit. Stops at `config.lpips_stop`. Depth at random
    views is held to the untuned generator's.

    Args:
        generator: frozen EG3D; it is not changed.
        portrait: from `invert`.
        perceptual: LPIPS; the embedded trunk where None.
        resume: file of the resume point, see `run.run`.

    Returns:
        The tuned generator, frozen, with `.lineage` and `.history`.

    Raises:
        ITPortraitError: if the portrait does not fit the generator.
    """
    config = config or TuningConfig()
    with trainable_mode():
        device = next(generator.parameters()).device
        metric = (perceptual or load_perceptual()).to(device)
        tuned = copy_for_training(generator, config.modules)
        rng = torch.Generator().manual_seed(config.seed)
        task = _Tuning(frozen_copy(generator), tuned, portrait.for_training(device), config, metric, rng)
        run(task, on_step, resume=resume, every_steps=every_steps, every_seconds=every_seconds)
        return finish(tuned, generator, "tune", config, task.history, image=portrait.image)
