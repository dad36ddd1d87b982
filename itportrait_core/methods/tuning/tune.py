"""Pivotal tuning: the generator moves to the pictures, the latent stays (docs/method.md#pivotal-tuning)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...guidance.perceptual import Perceptual, load_perceptual
from ...networks.generator3d import Generator3D, RenderOutput
from ...rendering import cameras
from ..shared.history import Record, rng_digest
from ..shared.memory import Together
from ..shared.memory_plan import Load
from ..shared.passes import PreviewStrip, backward_by_view, render_each, split_views, sum_of, target_of
from ..shared.portrait import Portrait, check_fits
from ..shared.presets import suited
from ..shared.run import OnStep, Points, trainable_mode
from ..shared.schedule import ramp
from ..shared.terms import Losses, Reference, View, read_losses, weighted_sum
from ..shared.trainable import adam, copy_for_training, device_of, frozen_twin, trained_parameters
from ..shared.training import Trained, TrainingTask, train
from .config import TuningConfig

if TYPE_CHECKING:
    from typing_extensions import Unpack

GUARD_YAW, GUARD_PITCH = (-40.0, 40.0), (-15.0, 25.0)
"""Range of the random views where the depth is held, degrees (after SPI, docs/method.md#pivotal-tuning)."""


class TuningTask(TrainingTask):
    """Pictures at the portrait's poses, depth at random views every few steps.

    Of several pictures of the person the loss is the mean, one view's graph alive at a time.
    """

    def __init__(
        self,
        g_o: Generator3D,
        tuned: Generator3D,
        portrait: Portrait,
        config: TuningConfig,
        perceptual: Perceptual,
        rng: torch.Generator,
    ) -> None:
        """`tuned`: its trained modules ask for gradients already."""
        check_fits(tuned, portrait)
        self.g_o, self.tuned, self.portrait, self.config = g_o, tuned, portrait, config
        self.ray_chunk = config.ray_chunk
        self.together = Together()
        self.references = [
            Reference(
                perceptual=perceptual,
                target=target_of(image, tuned.resolution, perceptual),
                raw_target=target_of(image, tuned.neural_rendering_resolution, perceptual),
            )
            for image in portrait.images.split(1)
        ]
        weights = config.weights()
        self.guard = {name: weights.pop(name) for name in ("depth",) if name in weights}
        self.weights = {"l2": 0.0, "lpips": 0.0, **weights}  # `lpips` decides when the goal is reached
        self.optimizer = adam(trained_parameters(tuned).values(), config.lr, config.betas)
        strip = PreviewStrip(g_o, portrait.ws, portrait.camera)
        facts = {
            "method": "tune", "config": config, "source": g_o, "perceptual": perceptual.name,
            "ws": portrait.ws, "camera": portrait.camera, "image": portrait.image,
        }  # fmt: skip
        if portrait.other_images is not None:
            facts["others"] = [portrait.other_cameras, portrait.other_images]
        super().__init__(
            config.steps, rng, [Trained("tuned", tuned, self.optimizer)], strip, facts, [self], Load()
        )

    def update(self, index: int) -> Record:
        """One Adam step on the tuned modules."""
        config, digest, ws = self.config, rng_digest(self.rng), self.portrait.ws
        rate = config.lr * ramp(index / self.total, 0.0, config.rampdown)
        views, sources, count = self.portrait.cameras, [], len(self.references)
        if self.guard and index % config.depth_every == 0:
            guard = cameras.sample_views(
                config.depth_views, GUARD_YAW, GUARD_PITCH, rng=self.rng, stratify_yaw=False
            ).to(views)
            sources = render_each(self.g_o, ws, guard, picture=False, together=self.together.frozen)
            views = torch.cat([views, guard])
        losses: Losses = {}

        def loss_of_view(render: RenderOutput, v: int) -> Tensor:
            if v < count:
                reference = self.references[v]
                return weighted_sum(self.weights, View(render), reference, losses, share=1 / count) / count
            view, share = View(render, sources[v - count]), 1 / len(sources)
            return weighted_sum(self.guard, view, self.references[0], losses, share=share) / len(sources)

        def loss_of_views(render: RenderOutput, indices: Sequence[int]) -> Tensor:
            parts = zip(split_views(render, len(indices)), indices, strict=True)
            return sum_of(loss_of_view(part, v) for part, v in parts)

        self.optimizer.zero_grad(set_to_none=True)
        total = backward_by_view(
            self.tuned, ws, views, loss_of_views, ray_chunk=self.ray_chunk, pictures=count,
            together=self.together.trained,
        )  # fmt: skip
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        return Record(index, "tune", read_losses({"tune": total, **losses}), rate, digest)

    def finished(self) -> bool:
        """LPIPS to the picture, the mean of several, is as low as `lpips_stop`."""
        return bool(self.history) and self.history[-1].losses["lpips"] <= self.config.lpips_stop

    def preview(self) -> Tensor:
        """The picture before the usual strip; several each before what the tuned generator makes of it."""
        pictures = [reference.target.image for reference in self.references]
        if len(pictures) > 1:
            made = render_each(self.tuned, self.portrait.ws, self.portrait.cameras)
            pairs = zip(pictures, made, strict=True)
            pictures = [image for picture, render in pairs for image in (picture, render.image)]
        return torch.cat([*(image.clamp(-1, 1) for image in pictures), super().preview()])


def pivotal_tune(
    generator: Generator3D,
    portrait: Portrait,
    config: TuningConfig | None = None,
    on_step: OnStep | None = None,
    *,
    perceptual: Perceptual | None = None,
    **points: Unpack[Points],
) -> Generator3D:
    """A copy of `generator` that shows the portrait's picture itself at the portrait's latent and pose.

    Use it as G_o and as the start of an edit. Stops at `config.lpips_stop`. Depth at random
    views is held to the untuned generator's. A portrait of several pictures is fitted to all of them.

    Args:
        generator: frozen 3D generator; it is not changed.
        portrait: from `invert`.
        config: where None, what suits the size of the generator, as in the node.
        perceptual: LPIPS; the embedded trunk where None.
        points: `resume`, a file to continue from, and when it is written; as `run.run` takes them.

    Returns:
        The tuned generator, frozen; its `lineage` and `history` tell of the run.

    Raises:
        ITPortraitError: if the portrait does not fit the generator.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws, camera = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front()), itp.cameras.orbit(15.0)
        >>> person = itp.Portrait(ws, camera, G.synthesis(ws, camera).image)
        >>> itp.pivotal_tune(G, person, itp.TuningConfig(steps=2, lpips_stop=0.0)).lineage["method"]
        'tune'
    """
    config = config or suited(TuningConfig, generator)
    with trainable_mode():
        device = device_of(generator)
        metric = (perceptual or load_perceptual()).to(device)
        tuned = copy_for_training(generator, config.modules)
        rng = torch.Generator().manual_seed(config.seed)
        task = TuningTask(frozen_twin(generator), tuned, portrait.for_training(device), config, metric, rng)
        return train(task, generator, "tune", config, on_step, portrait, **points)[0]
