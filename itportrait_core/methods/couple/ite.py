"""ITE, image-text embedding in CLIP space (paper Eq. 7-9; docs/method.md#ite)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.augment import augment
from ...guidance.clip import ClipModel
from ...guidance.colour import allowed_chroma
from ...guidance.directions import bisector, direction, directional_loss, project_out
from ...guidance.patches import PatchDirection
from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D, RenderOutput
from ...rendering import cameras
from ..shared.history import Record, rng_digest
from ..shared.memory import Together
from ..shared.passes import backward_by_view, render_each, split_views
from ..shared.portrait import Portrait
from ..shared.schedule import ramp
from ..shared.shared_planes import SharedPlanes
from ..shared.terms import Losses, add_loss, read_losses, weighted_sum
from ..shared.trainable import keep_strongest_layers
from .adaptive_layers import TextLayers
from .config import ITEConfig
from .gate import Embeddings, Gate, convert_tau, decide, mean_distances
from .latent_offsets import optimizer_of
from .regularizer import EditRegularizer
from .sampling import Draw, Sampler
from .untrained import Untrained, joined, view_of

FLOOR = {"canonical": 1e-6, "matched": 0.05}
"""Length of a direction below which its cosine counts less. `matched`, and the way from G_s, begin with no
difference (docs/method.md#clip-directions)."""


class ITE:
    """One ITE step after another on `g_t`, whose trained modules ask for gradients already."""

    def __init__(
        self,
        g_o: Generator3D,
        g_s: Generator3D | None,
        g_t: Generator3D,
        content: Tensor,
        text: str,
        clips: list[ClipModel],
        config: ITEConfig,
        rng: torch.Generator,
        portrait: Portrait | None = None,
        perceptual: Perceptual | None = None,
    ) -> None:
        """`g_s` is None for text only. `content`: [1, num_ws, w_dim]. `portrait`: the style picture's, for
        `calibrate` and `colour`. `perceptual`: LPIPS, for `likeness`."""
        if not clips:
            raise ITPortraitError("No CLIP model is connected; load one, for instance 'pocket-guide'.")
        self.g_o, self.g_s, self.g_t = g_o, g_s, g_t
        self.clips, self.config, self.rng = clips, config, rng
        self.ray_chunk = config.ray_chunk
        self.together = Together()
        self.text = [
            clip.text_direction(text, config.source_text, templates=config.templates) for clip in clips
        ]
        self.front = cameras.front().to(content.device)
        self.sampler = Sampler(config, g_o, content)
        sharing = [one for one in (g_o, g_s, g_t) if one is not None] if config.share_planes else []
        self.shared_planes = SharedPlanes(*sharing)
        max_chroma = 1.0 if portrait is None or g_s is None else allowed_chroma(portrait.image)
        patches = PatchDirection(clips, self.text, config.patches, config.patch_side, config.patch_reject)
        self.regularizer = EditRegularizer(
            config, perceptual, max_chroma, lambda before, after: patches.loss(before, after, rng)
        )
        self.text_layers: TextLayers | None = None
        if config.adaptive_k and config.adaptive_loss == "text":
            self.text_layers = TextLayers(clips, text, templates=config.templates)
        self.optimizer = optimizer_of(config, g_o, g_t)
        self.calibrated: list[float] | None = None
        if config.calibrate > 0 and portrait is not None:
            self.calibrated = self._calibrate(portrait)

    def step(self, index: int) -> Record:
        """Eq. 8 with the gate of Eq. 9: one update of G_t."""
        config, digest = self.config, rng_digest(self.rng)
        fast = index < config.fast_share * config.steps
        draw = self.sampler.draw(self.rng, config.neural_resolution if fast else 0)
        draw = replace(draw, planes=self.shared_planes.of(draw.ws))
        untrained = self.untrained(draw)
        gate = self._gate(untrained.style_embedding, untrained.source_embedding)
        directions: Losses = {}
        others: Losses = {}
        ws, views = draw.ws, draw.views

        def loss_of_views(render: RenderOutput, indices: Sequence[int]) -> Tensor:
            style = untrained.style_embedding and joined(untrained.style_embedding, indices)
            source, count = joined(untrained.source_embedding, indices), len(indices)
            embeddings = self._embeddings(render.image, draw.augmentation)
            total = self.loss(embeddings, source, style, gate.gamma, directions, count)
            total = total if count == 1 else count * total
            regularizer = self.regularizer
            for part, v in zip(split_views(render, count), indices, strict=True):
                total = weighted_sum(
                    regularizer.weights, view_of(part, untrained, v), regularizer.reference, others,
                    start=total, share=1 / len(views),
                )  # fmt: skip
            return total / len(views)

        self.optimizer.param_groups[0]["lr"] = config.lr * ramp(index / config.steps, 0.0, config.rampdown)
        self.optimizer.zero_grad(set_to_none=True)
        ranking = self.text_layers and self.text_layers.gradient(self.g_t, views[:1], self.rng, draw.side)
        ws.requires_grad_(config.adaptive_k > 0 and ranking is None)
        total = backward_by_view(
            self.g_t, ws, views, loss_of_views, side=draw.side, ray_chunk=self.ray_chunk,
            together=self.together.trained, planes=None if ws.requires_grad else draw.planes,
        )  # fmt: skip
        if config.adaptive_k:
            keep_strongest_layers(self.g_t, ws.grad if ranking is None else ranking, config.adaptive_k)
        self.optimizer.step()
        count = len(self.clips) * len(views)
        means = {name: value / count for name, value in directions.items()}
        losses = read_losses({"ite": total, **means, **others})
        return self._record(index, losses, gate, views.cpu(), digest)

    def loss(
        self,
        embeddings: list[Tensor],
        source_embedding: list[Tensor],
        style_embedding: list[Tensor] | None,
        gamma: list[float],
        parts: Losses,
        views: int = 1,
    ) -> Tensor:
        """L_IT, the mean over pictures of which the CLIP models have `embeddings`.

        Adds L_T and L_I to `parts`, `views` times: `parts` is a sum over views.
        """
        config, total, floor = self.config, embeddings[0].new_zeros(()), FLOOR[self.config.source_view]
        for k, embedding in enumerate(embeddings):
            moved = direction(embedding, source_embedding[k])
            toward = None if style_embedding is None else direction(style_embedding[k], source_embedding[k])
            way, least = moved, floor
            if style_embedding is not None and config.text_origin == "style":
                way, least = direction(embedding, style_embedding[k]), FLOOR["matched"]
            text_loss = directional_loss(way, self.text[k], max(least, config.min_text_distance))
            add_loss(parts, "text", text_loss, views)
            if toward is None:
                total = total + text_loss
                continue
            share = config.image_text_orthogonality
            image_loss = directional_loss(
                project_out(moved, self.text[k], share), project_out(toward, self.text[k], share), floor
            )
            add_loss(parts, "image", image_loss, views)
            if config.gate == "bisector":
                total = total + directional_loss(moved, bisector(toward, self.text[k]), floor)
            else:
                total = total + gamma[k] * image_loss + (1 - gamma[k]) * text_loss
        return total

    @torch.no_grad()
    def untrained(self, draw: Draw) -> Untrained:
        """What G_o and G_s draw. E(I_source) is taken from the front, or with `matched` from every view."""
        matched, needs = self.config.source_view == "matched", self.regularizer.needs
        source: list[RenderOutput] = []
        if matched or "source" in needs or ("before_text" in needs and self.g_s is None):
            source = self._renders(self.g_o, draw)
        origin = (
            source
            if matched
            else render_each(self.g_o, draw.ws, self.front, side=draw.side, planes=draw.planes)
        )
        styled = [] if self.g_s is None else self._renders(self.g_s, draw)
        embedded = self._embed([*origin, *styled], draw)
        source_embedding = embedded[: len(origin)] * (1 if matched else len(draw.views))
        if self.g_s is None:
            return Untrained(source_embedding, None, source, source)
        return Untrained(source_embedding, embedded[len(origin) :], source, styled)

    def _renders(self, generator: Generator3D, draw: Draw) -> list[RenderOutput]:
        return render_each(
            generator, draw.ws, draw.views, side=draw.side, together=self.together.frozen, planes=draw.planes
        )

    @torch.no_grad()
    def _embed(self, renders: list[RenderOutput], draw: Draw) -> Embeddings:
        if not self.together.frozen:
            return [self._embeddings(render.image, draw.augmentation) for render in renders]
        images = torch.cat([render.image for render in renders])
        return self._embed_at_once(images, len(renders), draw)

    def _embed_at_once(self, images: Tensor, views: int, draw: Draw) -> Embeddings:
        """Embeddings of V * B pictures view by view, each CLIP model being asked once."""
        models = [e.chunk(views) for e in self._embeddings(images, draw.augmentation)]
        return [list(view) for view in zip(*models, strict=True)]

    def _embeddings(self, image: Tensor, augmentation: Tensor | None) -> list[Tensor]:
        """E(image) per CLIP model; all pictures of a step have the same augmentation."""
        image = image if augmentation is None else augment(image, augmentation)
        return [clip.embed_image(image, antialias=self.config.antialias) for clip in self.clips]

    def _gate(self, style_embedding: Embeddings | None, source_embedding: Embeddings) -> Gate:
        if style_embedding is None:
            zeros = [0.0] * len(self.clips)
            return Gate(zeros, [], [], [])
        deltas = mean_distances(self.config.measure, style_embedding, source_embedding)
        return decide(self.config, deltas, self.taus(source_embedding), self.rng)

    def taus(self, source_embedding: Embeddings) -> list[float]:
        """Threshold per CLIP model in the measure's unit."""
        if self.calibrated is not None:
            return self.calibrated
        norms = [float(embedding.norm(dim=-1).mean()) for embedding in source_embedding[0]]
        return [convert_tau(self.config.tau, self.config.measure, norm) for norm in norms]

    @torch.no_grad()
    def _calibrate(self, portrait: Portrait) -> list[float]:
        """tau = start + rho (reference - start): from the unstyled distance towards the style picture's."""
        config, rng = self.config, torch.Generator().manual_seed(self.config.seed)
        draw = Draw(self.sampler.latents(rng), self.sampler.views(rng))
        source_embedding = self.untrained(draw).source_embedding
        unstyled = self._embed(self._renders(self.g_o, draw), draw)
        of_image = [clip.embed_image(portrait.image).expand(len(draw.ws), -1) for clip in self.clips]
        start = mean_distances(config.measure, unstyled, source_embedding)
        goal = mean_distances(config.measure, [of_image] * len(draw.views), source_embedding)
        return [a + config.calibrate * (b - a) for a, b in zip(start, goal, strict=True)]

    def _record(self, index: int, losses: dict[str, float], gate: Gate, views: Tensor, digest: str) -> Record:
        names = [f"{k}:{clip.name}" for k, clip in enumerate(self.clips)]
        yaw, pitch, _ = cameras.angles(views)
        where = [[round(float(y), 4), round(float(p), 4)] for y, p in zip(yaw, pitch, strict=True)]
        return Record(
            index, "ite", losses, self.optimizer.param_groups[0]["lr"], digest,
            delta=dict(zip(names, gate.delta, strict=False)), tau=dict(zip(names, gate.tau, strict=False)),
            gate=dict(zip(names, gate.gamma, strict=True)), draw=dict(zip(names, gate.draw, strict=False)),
            views=where,
        )  # fmt: skip
