"""What APT asks of people whom the style picture does not show (docs/method.md#regularizers)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...guidance.domain_gap import DomainGap
from ...guidance.perceptual import Perceptual
from ...guidance.texture import texture, texture_change
from ...networks.generator3d import Generator3D, RenderOutput
from ...rendering import cameras
from ..shared.passes import backward_by_view, draw_latents, fit_picture, render_each
from ..shared.portrait import Portrait
from ..shared.shared_planes import SharedPlanes
from ..shared.terms import Losses, Reference, View, weighted_sum
from .config import APTConfig
from .style_direction import StyleDirection

PAIR_EVERY = 4
"""Steps from one pair of people, of whom `variety` speaks, to the next; the other steps draw one person."""
MEASURED = 4
"""People on whom the size of a style is measured."""
NEAR_PHOTO, FIRMEST = 0.008, 100.0
"""Size of a style, mean squared change of pictures in [-1, 1], below which others are held more firmly; and
the largest factor."""
PICTURE_TERMS = ("l2", "lpips", "depth", "clip_reference")
"""Terms of `APTConfig` that APT itself takes of the picture's person; all others are taken here."""


@torch.no_grad()
def mean_change(photo: Generator3D, portraits: Sequence[Portrait], perceptual: Perceptual) -> list[Tensor]:
    """What the pictures' style does to texture, the mean over them: from the person as `photo` draws it."""
    changes = []
    for one in portraits:
        render = render_each(photo, one.ws, one.camera)[0]
        picture = fit_picture(one.image, render.image.shape[-1])
        before, after = (
            texture(perceptual, image, render.image_weights) for image in (render.image, picture)
        )
        changes.append(texture_change(before, after))
    return [torch.stack(levels).mean(0) for levels in zip(*changes, strict=True)]


@torch.no_grad()
def firmness(photo: Generator3D, styled: Generator3D) -> float:
    """`(NEAR_PHOTO / d)^2` in 1..FIRMEST, d the mean squared change of people by a style; times `prior`.

    The nearer a style lies to the photo, the more of what APT finds in the picture belongs to its person.
    """
    ws, view = draw_latents(photo, MEASURED, torch.Generator().manual_seed(0)), cameras.front()
    before, after = (
        torch.cat([render_each(one, w, view.to(w))[0].image.clamp(-1, 1) for w in ws.split(1)])
        for one in (photo, styled)
    )
    size = float((after - before).square().mean())
    return min(FIRMEST, max(1.0, (NEAR_PHOTO / max(size, 1e-9)) ** 2))


class RandomLatentRegularizer:
    """Loss terms on a random latent from a random view, every step.

    Eq. 6 sees one person from one side. It says nothing on clouds behind the head, on the background and the
    shape of other people, nor on what of the picture is its style and what its person. So random people are
    asked to stay without clouds (`empty`) on white (`background`), to keep their shape (`shape`) and to
    differ as they did (`variety`), to be grey where the picture is (`colour`), to keep the colours
    that they begin with (`prior`), to get the texture that the style gave the picture's person (`texture`),
    and to move in CLIP's space as the picture's style does (`clip`).
    """

    def __init__(
        self,
        g_o: Generator3D,
        g_s: Generator3D,
        config: APTConfig,
        style_direction: StyleDirection,
        perceptual: Perceptual,
        max_chroma: float,
        rng: torch.Generator,
        photo: Generator3D,
        portraits: Sequence[Portrait],
        domain_gap: DomainGap | None = None,
    ) -> None:
        """`g_s` is trained, `g_o` frozen; `style_direction` may hold no CLIP where `config.clip` is 0.

        `max_chroma`: the largest that `allowed_chroma` gives of the style pictures. `photo`: the generator
        without any style, frozen; `g_o` itself, or what `g_o` was before. `domain_gap`: for `clip_across` and
        `clip_within`.
        """
        self.g_o, self.g_s, self.config, self.rng = g_o, g_s, config, rng
        # where APT begins without a style, both have the same weights: one render does for both
        self.photo = photo if config.start == "prior" else g_o
        self.ray_chunk = config.ray_chunk
        self.shared_planes = SharedPlanes(*((g_o, g_s) if config.share_planes else ()))
        self.weights = {k: w for k, w in config.weights().items() if k not in PICTURE_TERMS}
        self.weights.pop("variety" if max_chroma < 1 else "colour", None)  # greys rightly make people alike
        if "prior" in self.weights and self.photo is not g_o:
            self.weights["prior"] *= firmness(self.photo, g_o)
        self.reference = Reference(
            perceptual=perceptual,
            max_chroma=max_chroma,
            style_change=lambda before, after: style_direction.direction_mse(before, after, rng),
        )
        if "texture" in self.weights:
            change = mean_change(self.photo, portraits, perceptual)
            self.reference = replace(self.reference, texture_change=change)
        if domain_gap is not None:
            self.reference = replace(self.reference, domain_gap=domain_gap)

    def backward(self, index: int) -> Losses:
        """Add the gradient of step `index` to that of the trained parameters; returns the losses, if any."""
        weights = dict(self.weights)
        if index % PAIR_EVERY:
            weights.pop("variety", None)
        if not weights:
            return {}
        side = self.config.neural_resolution
        ws = draw_latents(self.g_o, 2 if "variety" in weights else 1, self.rng)
        view = cameras.sample_views(1, rng=self.rng).to(ws)
        planes = self.shared_planes.of(ws)
        source = render_each(self.g_o, ws, view, side=side, planes=planes)[0]
        photo = source
        if "texture" in weights and self.photo is not self.g_o:
            photo = render_each(self.photo, ws, view, side=side)[0]
        losses: Losses = {}

        def loss_of_view(render: RenderOutput, _: Sequence[int]) -> Tensor:
            return weighted_sum(weights, View(render, source, photo=photo), self.reference, losses)

        backward_by_view(self.g_s, ws, view, loss_of_view, side=side, ray_chunk=self.ray_chunk, planes=planes)
        return losses
