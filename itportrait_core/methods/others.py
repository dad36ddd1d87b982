"""What APT asks of people whom the style picture does not show (methods section 5.1, items 6 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..guidance.background import empty_space, opacity
from ..guidance.clip import ClipModel
from ..rendering import cameras
from .configs import APTConfig
from .directions import apart, direction
from .passes import backward_by_view, draw_latents, render_views
from .portrait import Portrait

EVERY, SIDE = 2, 32
"""Steps between two looks at somebody else, and the side of the neural rendering for them."""
FLOOR = 0.1
"""Length of a change in CLIP's space below which its direction counts less: both generators begin as one."""


class Others:
    """Now and then, one random person from a random side.

    Eq. 6 sees one person from one side, and says nothing on clouds behind the head, nor on what of the
    picture is its style and what its person. Others are asked to stay without clouds (`config.empty`), and
    to move in CLIP's space as the picture lies from the same person drawn naturally (`config.clip`).
    """

    def __init__(
        self,
        source: nn.Module,
        style: nn.Module,
        portrait: Portrait,
        config: APTConfig,
        clips: Sequence[ClipModel],
        dice: torch.Generator,
    ) -> None:
        """`style` is trained, `source` frozen; `clips` may be empty where `config.clip` is 0."""
        self.source, self.style, self.config, self.dice = source, style, config, dice
        self.clips = list(clips) if config.clip > 0 else []
        self.ways = self._ways(portrait)

    def backward(self, index: int) -> dict[str, float]:
        """Add the gradient for step `index` to the trained parameters; returns the losses, if any."""
        config = self.config
        if index % EVERY or not (config.empty > 0 or self.clips):
            return {}
        ws = draw_latents(self.source, 1, self.dice)
        view = cameras.sample_views(1, generator=self.dice).to(ws)
        before = render_views(self.source, ws, view, side=SIDE)[0]
        empty, losses = empty_space(before), {}
        starts = [clip.embed_image(before.image) for clip in self.clips]

        def loss_of_view(seen: Any, _: int) -> Tensor:
            loss = opacity(seen, empty)
            losses["empty"] = float(loss.detach())
            loss = config.empty * loss
            for clip, start, way in zip(self.clips, starts, self.ways, strict=True):
                turn = apart(direction(clip.embed_image(seen.image), start), way, FLOOR)
                losses["clip"] = losses.get("clip", 0.0) + float(turn.detach())
                loss = loss + config.clip * turn
            return EVERY * loss

        backward_by_view(self.style, ws, view, loss_of_view, side=SIDE)
        return losses

    @torch.no_grad()
    def _ways(self, portrait: Portrait) -> list[Tensor]:
        """Per CLIP: from the portrait's person, drawn naturally by the untrained generator, to the picture.

        An inversion's latents differ from layer to layer, and so take on much of the style. Their mean is
        one latent for all layers, as the mapping network makes them: it shows a natural person.
        """
        if not self.clips:
            return []
        natural = portrait.ws.mean(dim=1, keepdim=True).expand_as(portrait.ws)
        person = render_views(self.source, natural, portrait.camera)[0].image
        return [direction(clip.embed_image(portrait.image), clip.embed_image(person)) for clip in self.clips]
