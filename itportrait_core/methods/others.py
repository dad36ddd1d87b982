"""What APT asks of people whom the style picture does not show (methods section 5.1, items 6 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..guidance.background import background_difference, empty_space, opacity
from ..guidance.clip import ClipModel
from ..guidance.nudge import nudged, random_nudge
from ..rendering import cameras
from .configs import APTConfig
from .directions import direction
from .passes import backward_by_view, draw_latents, render_views
from .picture_way import missed, picture_way
from .portrait import Portrait


class Others:
    """One random person from a random side, every step.

    Eq. 6 sees one person from one side. It says nothing on clouds behind the head, on the background of
    others, nor on what of the picture is its style and what its person. Others are asked to stay without
    clouds (`config.empty`) on white (`config.background`), and to move in CLIP's space as the picture's style
    does (`config.clip`).
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
        self.ways = [picture_way(clip, source, portrait, config.seed) for clip in self.clips]

    def backward(self) -> dict[str, float]:
        """Add one person's gradient to that of the trained parameters; returns the losses, if any."""
        config, side = self.config, self.config.neural_resolution
        weights = {"empty": config.empty, "background": config.background, "clip": config.clip}
        if not any(weights.values()):
            return {}
        ws = draw_latents(self.source, 1, self.dice)
        view = cameras.sample_views(1, generator=self.dice).to(ws)
        before = render_views(self.source, ws, view, side=side)[0]
        empty = empty_space(before)
        losses: dict[str, float] = {}

        def loss_of_view(seen: Any, _: int) -> Tensor:
            parts = {"empty": opacity(seen, empty), "background": background_difference(seen)}
            if self.clips:
                parts["clip"] = self._missed(before.image, seen.image)
            losses.update({name: float(part.detach()) for name, part in parts.items() if weights[name] > 0})
            return torch.stack([weights[name] * part for name, part in parts.items()]).sum()

        backward_by_view(self.style, ws, view, loss_of_view, side=side, ray_chunk=config.ray_chunk)
        return losses

    def _missed(self, before: Tensor, after: Tensor) -> Tensor:
        missing = after.new_zeros(())
        seen = nudged(torch.cat([before, after]), random_nudge(self.dice))
        for clip, way in zip(self.clips, self.ways, strict=True):
            start, end = clip.embed_image(seen).chunk(2)
            missing = missing + missed(direction(end, start), way)
        return missing
