"""ITE, image-text embedding in CLIP space (paper Eq. 7-9; docs/method.md#ite)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ITPortraitError
from ...guidance.augment import augment, draw_augmentation
from ...guidance.clip import ClipModel
from ...guidance.directions import bisector, direction, directional_loss, project_out
from ...guidance.perceptual import Perceptual
from ...rendering import cameras
from ..shared.history import Record, rng_digest
from ..shared.passes import backward_by_view, draw_latents, render_views
from ..shared.schedule import ramp
from ..shared.trainable import keep_strongest_layers, trained_parameters
from .config import ITEConfig
from .gate import Gate, convert_tau, decide, distance
from .latent_offsets import LatentOffset
from .regularizer import EditRegularizer

FLOOR = {"canonical": 1e-6, "matched": 0.05}
"""Length of a direction below which its cosine counts less. `matched`, and the way from G_s, begin with no
difference (docs/method.md#clip-directions)."""

Embeddings = list[list[Tensor]]
"""Per view, per CLIP model: [B, D] as the network gives them."""


class ITE:
    """One ITE step after another on `g_t`, whose trained modules ask for gradients already."""

    def __init__(
        self,
        g_o: nn.Module,
        g_s: nn.Module | None,
        g_t: nn.Module,
        content: Tensor,
        text: str,
        clips: list[ClipModel],
        config: ITEConfig,
        rng: torch.Generator,
        style_image: Tensor | None = None,
        perceptual: Perceptual | None = None,
    ) -> None:
        """`g_s` is None for text only. `content`: [1, num_ws, w_dim]. `style_image`: [1, 3, H, W], for
        `calibrate` and `colour`. `perceptual`: LPIPS, for `likeness`."""
        if not clips:
            raise ITPortraitError("No CLIP model is connected; load one, for instance 'pocket-guide'.")
        self.g_o, self.g_s, self.g_t, self.content = g_o, g_s, g_t, content
        self.clips, self.config, self.rng = clips, config, rng
        self.text = [
            clip.text_direction(text, config.source_text, templates=config.templates) for clip in clips
        ]
        self.front = cameras.front().to(content.device)
        self.augmentation: Tensor | None = None
        self.regularizer = EditRegularizer(config, perceptual, None if g_s is None else style_image)
        self.optimizer = _optimizer(config, g_o, g_t)
        self.calibrated: list[float] | None = None
        if config.calibrate > 0 and style_image is not None:
            self.calibrated = self._calibrate(style_image)

    def latents(self, rng: torch.Generator | None = None) -> Tensor:
        """W_3d of Eq. 7: pivot layers of the content person, the others mixed with fresh ones."""
        config = self.config
        fresh = draw_latents(self.g_o, config.batch, rng or self.rng)
        keep = config.keep_weight + (1 - config.keep_weight) * config.content_mix
        ws = keep * self.content + (1 - keep) * fresh
        held = [layer for layer in config.pivot_layers if layer < ws.shape[1]]
        ws[:, held] = self.content[:, held]
        return ws

    def views(self, rng: torch.Generator | None = None) -> Tensor:
        """P_m: [views, 25]."""
        config, rng = self.config, rng or self.rng
        if config.view_yaws:
            labels = _chosen_views(config, rng)
        else:
            labels = cameras.sample_views(
                config.views, config.yaw, config.pitch, rng=rng,
                stratify_yaw=config.stratify_yaw, pitch_convention=config.pitch_convention,
            )  # fmt: skip
        labels = labels.clone()
        labels[:, [16, 20]] = config.focal
        return labels.to(self.content.device)

    def step(self, index: int, side: int = 0) -> Record:
        """Eq. 8 with the gate of Eq. 9: one update of G_t. `side`: neural resolution, 0 = full."""
        config, digest = self.config, rng_digest(self.rng)
        ws, views = self.latents(), self.views()
        self.augmentation = draw_augmentation(self.rng) if config.augment else None
        source_embedding, source = self._source(ws, views, side)
        style_embedding, before_text = None, source
        if self.g_s is not None:
            before_text = self._drawn(self.g_s, ws, views, side)
            style_embedding = self._read(before_text)
        gate = self._gate(style_embedding, source_embedding)
        parts: dict[str, float] = {}

        def loss_of_view(render: Any, v: int) -> Tensor:
            style = None if style_embedding is None else style_embedding[v]
            loss = self.loss(render.image, source_embedding[v], style, gate.gamma, parts)
            return self.regularizer.added_to(loss, render, source[v], before_text[v]) / len(views)

        self.optimizer.param_groups[0]["lr"] = config.lr * ramp(index / config.steps, 0.0, config.rampdown)
        self.optimizer.zero_grad(set_to_none=True)
        ws.requires_grad_(config.adaptive_k > 0)
        total = backward_by_view(self.g_t, ws, views, loss_of_view, side=side, ray_chunk=config.ray_chunk)
        if config.adaptive_k:
            keep_strongest_layers(self.g_t, ws.grad, config.adaptive_k)
        self.optimizer.step()
        return self._record(index, total, parts, gate, views, digest)

    def loss(
        self,
        image: Tensor,
        source_embedding: list[Tensor],
        style_embedding: list[Tensor] | None,
        gamma: list[float],
        parts: dict[str, float],
    ) -> Tensor:
        """L_IT of one view, summed over CLIP models; adds L_T and L_I to `parts`."""
        config, total, floor = self.config, image.new_zeros(()), FLOOR[self.config.source_view]
        for k, clip in enumerate(self.clips):
            embedding = self._embedded(clip, image)
            moved = direction(embedding, source_embedding[k])
            toward = None if style_embedding is None else direction(style_embedding[k], source_embedding[k])
            way, least = moved, floor
            if style_embedding is not None and config.text_origin == "style":
                way, least = direction(embedding, style_embedding[k]), FLOOR["matched"]
            text_loss = directional_loss(way, self.text[k], max(least, config.min_text_distance))
            parts["text"] = parts.get("text", 0.0) + float(text_loss.detach())
            if toward is None:
                total = total + text_loss
                continue
            share = config.image_text_orthogonality
            image_loss = directional_loss(
                project_out(moved, self.text[k], share), project_out(toward, self.text[k], share), floor
            )
            parts["image"] = parts.get("image", 0.0) + float(image_loss.detach())
            if config.gate == "bisector":
                total = total + directional_loss(moved, bisector(toward, self.text[k]), floor)
            else:
                total = total + gamma[k] * image_loss + (1 - gamma[k]) * text_loss
        return total

    @torch.no_grad()
    def _drawn(self, generator: nn.Module, ws: Tensor, views: Tensor, side: int) -> list[Any]:
        return render_views(generator, ws, views, side=side)

    @torch.no_grad()
    def _embed(self, generator: nn.Module, ws: Tensor, views: Tensor, side: int) -> Embeddings:
        return self._read(self._drawn(generator, ws, views, side))

    @torch.no_grad()
    def _read(self, renders: list[Any]) -> Embeddings:
        return [[self._embedded(clip, render.image) for clip in self.clips] for render in renders]

    def _embedded(self, clip: ClipModel, image: Tensor) -> Tensor:
        """E(image), with the augmentation of the step, the same for all of its pictures."""
        image = image if self.augmentation is None else augment(image, self.augmentation)
        return clip.embed_image(image, antialias=self.config.antialias)

    def _source(self, ws: Tensor, views: Tensor, side: int) -> tuple[Embeddings, list[Any]]:
        """E(I_source) for every view, and G_o's renders from there, or None where nothing wants them."""
        renders: list[Any] = [None] * len(views)
        regularizer = self.regularizer
        matched = self.config.source_view == "matched"
        if matched or regularizer.need_source or (regularizer.need_before_text and self.g_s is None):
            renders = self._drawn(self.g_o, ws, views, side)
        if matched:
            return self._read(renders), renders
        return self._embed(self.g_o, ws, self.front, side) * len(views), renders

    def _gate(self, style_embedding: Embeddings | None, source_embedding: Embeddings) -> Gate:
        if style_embedding is None:
            zeros = [0.0] * len(self.clips)
            return Gate(zeros, [], [], [])
        deltas = self.deltas(style_embedding, source_embedding)
        return decide(self.config, deltas, self.taus(source_embedding), self.rng)

    def deltas(self, style_embedding: Embeddings, source_embedding: Embeddings) -> list[float]:
        """delta of Eq. 9 per CLIP model: mean distance over samples and views."""
        pairs = zip(
            *(zip(a, b, strict=True) for a, b in zip(style_embedding, source_embedding, strict=True)),
            strict=True,
        )
        return [
            float(torch.cat([distance(self.config.measure, a, b) for a, b in per_model]).mean())
            for per_model in pairs
        ]

    def taus(self, source_embedding: Embeddings) -> list[float]:
        """Threshold per CLIP model in the measure's unit."""
        if self.calibrated is not None:
            return self.calibrated
        norms = [float(embedding.norm(dim=-1).mean()) for embedding in source_embedding[0]]
        return [convert_tau(self.config.tau, self.config.measure, norm) for norm in norms]

    @torch.no_grad()
    def _calibrate(self, style_image: Tensor) -> list[float]:
        """tau = start + rho (reference - start): from the unstyled distance towards the style picture's."""
        rng = torch.Generator().manual_seed(self.config.seed)
        ws, views = self.latents(rng), self.views(rng)
        source_embedding, _ = self._source(ws, views, 0)
        start = self.deltas(self._embed(self.g_o, ws, views, 0), source_embedding)
        of_image = [clip.embed_image(style_image).expand(len(ws), -1) for clip in self.clips]
        goal = self.deltas([of_image] * len(views), source_embedding)
        return [a + self.config.calibrate * (b - a) for a, b in zip(start, goal, strict=True)]

    def _record(
        self, index: int, total: float, parts: dict[str, float], gate: Gate, views: Tensor, digest: str
    ) -> Record:
        names = [f"{k}:{clip.name}" for k, clip in enumerate(self.clips)]
        parts = {name: value / (len(self.clips) * len(views)) for name, value in parts.items()}
        yaw, pitch, _ = cameras.angles(views)
        where = [[round(float(y), 4), round(float(p), 4)] for y, p in zip(yaw, pitch, strict=True)]
        return Record(
            index, "ite", {"ite": total, **parts}, self.optimizer.param_groups[0]["lr"], digest,
            delta=dict(zip(names, gate.delta, strict=False)), tau=dict(zip(names, gate.tau, strict=False)),
            gate=dict(zip(names, gate.gamma, strict=True)), draw=dict(zip(names, gate.draw, strict=False)),
            views=where,
        )  # fmt: skip


def _optimizer(config: ITEConfig, g_o: nn.Module, g_t: nn.Module) -> torch.optim.Adam:
    """Of G_t's parameters that ask for gradients, or of the latents that they stand for."""
    if config.trained == "latents":
        return LatentOffset(g_o, g_t, lr=config.lr, betas=config.betas)
    return torch.optim.Adam(trained_parameters(g_t).values(), lr=config.lr, betas=config.betas)


def _chosen_views(config: ITEConfig, rng: torch.Generator) -> Tensor:
    """Views from fixed lists of angles, as the authors' release draws them."""
    yaws = [row[int(torch.randint(len(row), (1,), generator=rng))] for row in config.view_yaws]
    pitches = config.view_pitches or config.pitch
    picks = [pitches[int(torch.randint(len(pitches), (1,), generator=rng))] for _ in yaws]
    pitch = torch.tensor(picks)
    if config.pitch_convention == "eg3d":
        pitch = cameras.eg3d_pitch(pitch)
    return cameras.orbit(torch.tensor(yaws), pitch).float()
