"""APT, artistic paired transfer: image-guided one-shot stylisation (paper Eq. 5-6, docs/method.md#apt)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...guidance.clip import ClipModel, listed_clips
from ...guidance.depth import depth_difference
from ...guidance.perceptual import Perceptual, load_perceptual
from ..shared.config import map_layers
from ..shared.history import History, Record, rng_digest
from ..shared.lineage import finish, run_identity
from ..shared.passes import PreviewStrip, backward_by_view, draw_latents, fit_picture, render_views
from ..shared.portrait import Portrait, check_fits
from ..shared.run import OnStep, StepInfo, pack_optimizer, run, trainable_mode, unpack_optimizer
from ..shared.trainable import (
    copy_for_training,
    frozen_copy,
    keep_strongest_layers,
    pack_weights,
    trained_parameters,
    unpack_weights,
)
from .config import APTConfig
from .regularizer import RandomLatentRegularizer
from .style_direction import StyleDirection

LAYERS_OF = 14
"""Number of latents that `APTConfig.layers` counts in (EG3D with planes of 256 px)."""


class APT:
    """One APT step after another on `g_s`, whose trained modules ask for gradients already."""

    def __init__(
        self,
        g_o: nn.Module,
        g_s: nn.Module,
        portrait: Portrait,
        config: APTConfig,
        perceptual: Perceptual,
        rng: torch.Generator,
        clips: Sequence[ClipModel] = (),
    ) -> None:
        """`clips`: for `config.clip`; unused where that is 0."""
        check_fits(g_s, portrait)
        self.g_o, self.g_s, self.portrait, self.config = g_o, g_s, portrait, config
        self.perceptual, self.rng = perceptual, rng
        self.layers = map_layers(config.layers, LAYERS_OF, g_s.num_ws)
        self.style_image = fit_picture(portrait.image, g_s.resolution)
        with torch.no_grad():
            self.features = perceptual.features(self.style_image)
        style_direction = StyleDirection(clips if config.clip > 0 else (), g_o, portrait, config.seed)
        self.regularizer = RandomLatentRegularizer(
            g_o, g_s, config, style_direction, perceptual, portrait.image, rng
        )
        parameters = list(trained_parameters(g_s).values())
        self.optimizer = torch.optim.Adam(parameters, lr=config.lr, betas=config.betas)

    def perturbed(self) -> Tensor:
        """W'_3d of Eq. 5: [batch, num_ws, w_dim], one fresh z per sample in all perturbed layers."""
        fresh = draw_latents(self.g_s, self.config.batch, self.rng)
        ws = self.portrait.ws.repeat(self.config.batch, 1, 1)
        beta, at = self.config.beta, self.layers
        ws[:, at] = beta * ws[:, at] + (1 - beta) * fresh[:, at]
        return ws

    def step(self, index: int) -> Record:
        """Eq. 6: one update of the style generator towards the picture."""
        config, digest = self.config, rng_digest(self.rng)
        ws = self.perturbed().requires_grad_(config.adaptive_k > 0)
        losses: dict[str, float] = {}

        def loss_of_view(render: Any, _: int) -> Tensor:
            distance = self.perceptual.distance(self.features, render.image).mean()
            pixels = (render.image - self.style_image).square().mean()
            losses.update(lpips=float(distance.detach()), l2=float(pixels.detach()))
            return config.lpips * distance + config.l2 * pixels + self._depth(render, ws, losses)

        self.optimizer.zero_grad(set_to_none=True)
        total = backward_by_view(
            self.g_s, ws, self.portrait.camera, loss_of_view,
            side=config.neural_resolution, ray_chunk=config.ray_chunk,
        )  # fmt: skip
        losses |= self.regularizer.backward(index)
        if config.adaptive_k:
            keep_strongest_layers(self.g_s, ws.grad, config.adaptive_k)
        self.optimizer.step()
        return Record(index, "apt", {"apt": total, **losses}, config.lr, digest)

    def _depth(self, render: Any, ws: Tensor, losses: dict[str, float]) -> Tensor | float:
        if self.config.depth == 0:
            return 0.0
        original = render_views(
            self.g_o, ws.detach(), self.portrait.camera, side=self.config.neural_resolution
        )[0]
        gap = depth_difference(render.image_depth, original.image_depth).mean()
        losses["depth"] = float(gap.detach())
        return self.config.depth * gap


class _ImageOnly:
    """The run of APT alone."""

    def __init__(self, apt: APT) -> None:
        self.apt, self.total, self.history = apt, apt.config.steps, History()
        self.strip = PreviewStrip(apt.g_o, apt.portrait.ws, apt.portrait.camera)

    def step(self, index: int) -> StepInfo:
        record = self.apt.step(index)
        self.history.add(record)
        return StepInfo(record.losses, self._preview, stage="apt")

    def _preview(self) -> Tensor:
        return self.strip.show(self.apt.g_s)

    def finished(self) -> bool:
        return False

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        apt = self.apt
        tensors = {**pack_weights(apt.g_s, "style"), **pack_optimizer(apt.optimizer, "adam")}
        return {**tensors, "rng": apt.rng.get_state()}, {"history": self.history.to_json()}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        unpack_weights(self.apt.g_s, tensors, "style")
        unpack_optimizer(self.apt.optimizer, tensors, "adam")
        self.apt.rng.set_state(tensors["rng"])
        self.history = History.from_json(facts["history"])

    def identity(self) -> str:
        apt = self.apt
        return run_identity(
            method="apt", config=apt.config, source=apt.g_o, perceptual=apt.perceptual.name,
            ws=apt.portrait.ws, camera=apt.portrait.camera, image=apt.portrait.image,
            clips=[clip.name for clip in apt.regularizer.style_direction.clips],
        )  # fmt: skip


def stylize(
    generator: nn.Module,
    portrait: Portrait,
    config: APTConfig | None = None,
    on_step: OnStep | None = None,
    *,
    clip: ClipModel | Sequence[ClipModel] | None = None,
    perceptual: Perceptual | None = None,
    resume: str | Path | None = None,
    every_steps: int = 25,
    every_seconds: float = 0.0,
) -> nn.Module:
    """Image-only stylisation: a copy of `generator` that draws everyone in the portrait's style.

    Args:
        generator: the frozen G_o; it is not changed.
        portrait: the inverted style picture (its latent, pose and picture are used).
        clip: one CLIP or several, for `config.clip`; the embedded guide where None.
        perceptual: LPIPS; the embedded trunk where None.
        resume: file of the resume point, see `run.run`.

    Returns:
        G_s, frozen. `G_s.lineage` (a dict with the history) goes into the file when it is saved;
        `G_s.history` is the `History`.

    Raises:
        ITPortraitError: if the portrait does not fit the generator, or on a foreign resume point.
    """
    config = config or APTConfig()
    with trainable_mode():
        device = next(generator.parameters()).device
        perceptual = (perceptual or load_perceptual()).to(device)
        g_s = copy_for_training(generator, config.modules)
        g_o = frozen_copy(generator)
        rng = torch.Generator().manual_seed(config.seed)
        clips = listed_clips(clip, device) if config.clip > 0 else []
        task = _ImageOnly(APT(g_o, g_s, portrait.for_training(device), config, perceptual, rng, clips))
        run(task, on_step, resume=resume, every_steps=every_steps, every_seconds=every_seconds)
        return finish(g_s, generator, "apt", config, task.history, image=portrait.image)
