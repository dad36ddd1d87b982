"""APT, artistic paired transfer: image-guided one-shot stylisation (paper Eq. 5-6, docs/method.md#apt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.clip import ClipModel, listed_clips
from ...guidance.colour import allowed_chroma
from ...guidance.perceptual import Perceptual, load_perceptual
from ...networks.generator3d import Generator3D, RenderOutput
from ..shared.config import map_layers
from ..shared.history import Record, rng_digest
from ..shared.memory import HasRayChunk
from ..shared.memory_plan import Load
from ..shared.passes import (
    PreviewStrip,
    backward_by_view,
    draw_latents,
    render_each,
    target_of,
)
from ..shared.portrait import Portrait, check_fits
from ..shared.presets import suited
from ..shared.run import OnStep, Points, trainable_mode
from ..shared.terms import Losses, Reference, View, read_losses, weighted_sum
from ..shared.trainable import (
    adam,
    copy_for_training,
    device_of,
    frozen_twin,
    keep_strongest_layers,
    trained_parameters,
)
from ..shared.training import Trained, TrainingTask, train
from .config import APTConfig
from .regularizer import PICTURE_TERMS, RandomLatentRegularizer
from .start import domain_gaps, start_of
from .style_direction import StyleDirection
from .style_mix import mix_style

if TYPE_CHECKING:
    from typing_extensions import Unpack

MOST_PICTURES = 16
"""Style pictures of one run."""
LAYERS_OF = 14
"""Number of latents that `APTConfig.layers` counts in (EG3D with planes of 256 px)."""


class APT:
    """One APT step after another on `g_s`, whose trained modules ask for gradients already."""

    def __init__(
        self,
        g_o: Generator3D,
        g_s: Generator3D,
        portrait: Portrait,
        config: APTConfig,
        perceptual: Perceptual,
        rng: torch.Generator,
        clips: Sequence[ClipModel] = (),
        others: Sequence[Portrait] = (),
        photo: Generator3D | None = None,
    ) -> None:
        """`g_o`: what others are compared with, frozen. `clips`: for the terms in CLIP's space.

        `others`: more pictures of the same style, which take turns with the first. `photo`: the generator
        without any style, frozen, where `g_o` has one.
        """
        self.portraits = [portrait, *others]
        for one in self.portraits:
            check_fits(g_s, one)
        self.g_o, self.g_s, self.portrait, self.config, self.rng = g_o, g_s, portrait, config, rng
        self.ray_chunk = config.ray_chunk
        self.layers = map_layers(config.layers, LAYERS_OF, g_s.num_ws)
        self.references = [
            Reference(perceptual=perceptual, target=target_of(one.image, g_s.resolution, perceptual))
            for one in self.portraits
        ]
        weights = {name: w for name, w in config.weights().items() if name in PICTURE_TERMS}
        self.weights = {"l2": 0.0, "lpips": 0.0, **weights}  # both are recorded in any case
        self.clips = list(clips) if config.asks_clip else []
        direction = StyleDirection(self.clips if config.clip > 0 else [], g_o, self.portraits, config.seed)
        max_chroma = max(allowed_chroma(one.image) for one in self.portraits)
        gap = None
        if config.clip_across + config.clip_within + config.clip_reference > 0:
            gap, *gaps = domain_gaps(self.clips, g_o, self.portraits)
            self.references = [
                replace(one, domain_gap=own) for one, own in zip(self.references, gaps, strict=True)
            ]
        self.regularizer = RandomLatentRegularizer(
            g_o, g_s, config, direction, perceptual, max_chroma, rng, photo or g_o, self.portraits, gap
        )
        self.optimizer = adam(trained_parameters(g_s).values(), config.lr, config.betas)

    def renderers(self) -> list[HasRayChunk]:
        """Whose `ray_chunk` bounds the memory."""
        return [self, self.regularizer]

    def perturbed(self, portrait: Portrait | None = None) -> Tensor:
        """W'_3d of Eq. 5: [batch, num_ws, w_dim], one fresh z per sample in all perturbed layers."""
        fresh = draw_latents(self.g_s, self.config.batch, self.rng)
        ws = (portrait or self.portrait).ws.repeat(self.config.batch, 1, 1)
        beta, at, own_share = self.config.beta, self.layers, self.config.own_share
        if own_share > 0 and float(torch.rand((), generator=self.rng)) < own_share:
            beta = 1.0
        ws[:, at] = beta * ws[:, at] + (1 - beta) * fresh[:, at]
        return ws

    def step(self, index: int) -> Record:
        """Eq. 6: one update of G_s towards the picture whose turn it is."""
        config, digest, turn = self.config, rng_digest(self.rng), index % len(self.portraits)
        camera, reference = self.portraits[turn].camera, self.references[turn]
        ws = self.perturbed(self.portraits[turn]).requires_grad_(config.adaptive_k > 0)
        planes = None if config.adaptive_k else self.regularizer.shared_planes.of(ws)
        losses: Losses = {}

        def loss_of_view(render: RenderOutput, _: Sequence[int]) -> Tensor:
            view = View(render)
            if "depth" in self.weights:
                sources = render_each(
                    self.g_o, ws.detach(), camera, side=config.neural_resolution, picture=False, planes=planes
                )
                view = View(render, sources[0])
            return weighted_sum(self.weights, view, reference, losses)

        self.optimizer.zero_grad(set_to_none=True)
        total = backward_by_view(
            self.g_s, ws, camera, loss_of_view, side=config.neural_resolution, ray_chunk=self.ray_chunk,
            planes=planes,
        )  # fmt: skip
        losses = {"apt": total, **losses, **self.regularizer.backward(index)}
        if config.adaptive_k:
            keep_strongest_layers(self.g_s, ws.grad, config.adaptive_k)
        self.optimizer.step()
        return Record(index, "apt", read_losses(losses), config.lr, digest)


class ImageTask(TrainingTask):
    """A run of APT alone."""

    def __init__(
        self, apt: APT, total: int, strip: PreviewStrip, facts: Mapping[str, Any], moments: str = "adam"
    ) -> None:
        """`moments`: what the optimizer's tensors are called in a resume point."""
        style = [Trained("style", apt.g_s, apt.optimizer, moments)]
        load = Load(apt.config.batch, side=apt.config.neural_resolution)
        super().__init__(total, apt.rng, style, strip, facts, apt.renderers(), load)
        self.apt = apt

    def update(self, index: int) -> Record:
        """One APT step."""
        return self.apt.step(index)


def stylize(
    generator: Generator3D,
    portrait: Portrait | Sequence[Portrait],
    config: APTConfig | None = None,
    on_step: OnStep | None = None,
    *,
    clip: ClipModel | Sequence[ClipModel] | None = None,
    perceptual: Perceptual | None = None,
    **points: Unpack[Points],
) -> Generator3D:
    """Image-only stylisation: a copy of `generator` that draws everyone in the portrait's style.

    Args:
        generator: the frozen G_o; it is not changed.
        portrait: the inverted style picture (its latent, pose and picture are used), or up to 16 of one
            style: they take turns, and the style is what they share.
        config: where None, what suits the size of the generator, as in the node.
        clip: one CLIP or several, for terms in CLIP's space; the embedded guide where None.
        perceptual: LPIPS; the embedded trunk where None.
        points: `resume`, a file to continue from, and when it is written; as `run.run` takes them.

    Returns:
        G_s, frozen. `G_s.lineage` (a dict with the history) goes into the file when it is saved;
        `G_s.history` is the `History`.

    Raises:
        ITPortraitError: if a portrait does not fit the generator, for none or more than 16, or on a foreign
            resume point.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws, camera = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front()), itp.cameras.orbit(15.0)
        >>> person = itp.Portrait(ws, camera, G.synthesis(ws, camera).image)
        >>> style = itp.stylize(G, person, itp.APTConfig(steps=2))
        >>> [record.stage for record in style.history]
        ['apt', 'apt']
    """
    config = config or suited(APTConfig, generator)
    listed = [portrait] if isinstance(portrait, Portrait) else list(portrait)
    if not 1 <= len(listed) <= MOST_PICTURES:
        raise ITPortraitError(f"{len(listed)} style pictures; give 1 to {MOST_PICTURES}.")
    with trainable_mode():
        device = device_of(generator)
        perceptual = (perceptual or load_perceptual()).to(device)
        g_o, start = frozen_twin(generator), start_of(generator, listed, config)
        g_s = copy_for_training(start, config.modules)
        rng = torch.Generator().manual_seed(config.seed)
        clips = listed_clips(clip, device) if config.asks_clip else []
        person, *others = [one.for_training(device) for one in listed]
        apt = APT(start, g_s, person, config, perceptual, rng, clips, others, g_o)
        facts = {
            "method": "apt", "config": config, "source": start, "perceptual": perceptual.name,
            "ws": person.ws, "camera": person.camera, "image": person.image,
            "clips": [model.name for model in clips],
        }  # fmt: skip
        if others:
            facts["others"] = [[one.ws, one.camera, one.image] for one in others]
        task = ImageTask(apt, config.steps, PreviewStrip(g_o, person.ws, person.camera), facts)
        made = train(task, generator, "apt", config, on_step, person, **points)[0]
        return mix_style(made, person.ws, apt.layers, config.style_mix) if config.style_mix > 0 else made
