"""What APT asks of people whom the style picture does not show (docs/method.md#regularizers)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...guidance.colour import allowed_chroma
from ...guidance.perceptual import Perceptual
from ...guidance.variety import lost_variety
from ...rendering import cameras
from ..shared.passes import backward_by_view, draw_latents, render_views
from ..shared.terms import shared_terms, weights_of
from .config import APTConfig
from .style_direction import StyleDirection

PAIR_EVERY = 4
"""Steps from one look at two people to the next; who is seen alone differs from nobody."""


class RandomLatentRegularizer:
    """Random people from a random side, every step.

    Eq. 6 sees one person from one side. It says nothing on clouds behind the head, on the background and the
    shape of others, nor on what of the picture is its style and what its person. Others are asked to stay
    without clouds (`config.empty`) on white (`config.background`), to keep their shape (`config.shape`) and
    to differ as they did (`config.variety`), or to be grey where the picture is (`config.colour`), and to
    move in CLIP's space as the picture's style does (`config.clip`).
    """

    def __init__(
        self,
        g_o: nn.Module,
        g_s: nn.Module,
        config: APTConfig,
        style_direction: StyleDirection,
        perceptual: Perceptual,
        style_image: Tensor,
        rng: torch.Generator,
    ) -> None:
        """`g_s` is trained, `g_o` frozen; `style_direction` may hold no CLIP where `config.clip` is 0.

        `style_image`: [1, 3, H, W] in [-1, 1].
        """
        self.g_o, self.g_s, self.config, self.rng = g_o, g_s, config, rng
        self.style_direction, self.perceptual = style_direction, perceptual
        self.weights = weights_of(config, ("empty", "background", "shape", "colour", "clip", "variety"))
        self.allowed = 1.0
        if self.weights.keys() & {"colour", "variety"}:
            self.allowed = allowed_chroma(style_image)
        self.weights.pop("variety" if self.allowed < 1 else "colour", None)  # greys rightly make people alike

    def backward(self, index: int) -> dict[str, float]:
        """Add the gradient of step `index` to that of the trained parameters; returns the losses, if any."""
        weights = dict(self.weights)
        if index % PAIR_EVERY:
            weights.pop("variety", None)
        if not weights:
            return {}
        config, side = self.config, self.config.neural_resolution
        ws = draw_latents(self.g_o, 2 if "variety" in weights else 1, self.rng)
        view = cameras.sample_views(1, rng=self.rng).to(ws)
        untrained = render_views(self.g_o, ws, view, side=side)[0]
        losses: dict[str, float] = {}

        def loss_of_view(render: Any, _: int) -> Tensor:
            terms = shared_terms(render, untrained, self.allowed)
            terms["shape"] = terms["depth"]  # `config.depth` is that of the picture's person
            terms["clip"] = lambda: self.style_direction.direction_mse(
                untrained.image, render.image, self.rng
            )
            terms["variety"] = lambda: lost_variety(self.perceptual, untrained.image, render.image)
            counted = {name: terms[name]() for name in weights}
            losses.update({name: float(part.detach()) for name, part in counted.items()})
            return torch.stack([weights[name] * part for name, part in counted.items()]).sum()

        backward_by_view(self.g_s, ws, view, loss_of_view, side=side, ray_chunk=config.ray_chunk)
        return losses
