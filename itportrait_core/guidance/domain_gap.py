"""The gap between two domains in CLIP's space, as one pair of pictures shows it.

Mind the Gap (Zhu et al., ICLR 2022, arXiv 2110.08398, section 3): a style picture I_B and its twin I_A, the
inversion as the untrained generator draws it, are one person in both domains. Everybody is to cross the gap
as that person does, and to differ from that person as before (docs/method.md#restated-methods).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .clip import ClipModel
from .directions import direction, directional_loss

FLOOR = 0.05
"""Length of a direction below which its cosine counts less: training begins with no difference at all."""


class DomainGap:
    """E(I_B) and E(I_A) of the style pictures in the space of every CLIP; of several pictures the mean."""

    def __init__(self, clips: Sequence[ClipModel], styled: Sequence[Tensor], twins: Sequence[Tensor]) -> None:
        """`styled`: pictures [1, 3, H, W] of the new domain; `twins`: the same people before."""
        self.clips = list(clips)
        with torch.no_grad():
            self.styled = [torch.cat([c.encode_image(x) for x in styled]).mean(0, True) for c in clips]
            self.twins = [torch.cat([c.encode_image(x) for x in twins]).mean(0, True) for c in clips]

    def across(self, before: Tensor, after: Tensor) -> Tensor:
        """1 - cos(E(after) - E(before), E(I_B) - E(I_A)), `[]`; pictures [N, 3, H, W] of the same people."""
        total = after.new_zeros(())
        for clip, style, twin in zip(self.clips, self.styled, self.twins, strict=True):
            moved = direction(clip.embed_image(after), _embed(clip, before))
            total = total + directional_loss(moved, direction(style, twin).expand_as(moved), FLOOR)
        return total

    def within(self, before: Tensor, after: Tensor) -> Tensor:
        """1 - cos(E(after) - E(I_B), E(before) - E(I_A)): people differ in the new domain as in the old."""
        total = after.new_zeros(())
        for clip, style, twin in zip(self.clips, self.styled, self.twins, strict=True):
            moved = direction(clip.embed_image(after), style)
            total = total + directional_loss(moved, direction(_embed(clip, before), twin), FLOOR)
        return total

    def likeness(self, image: Tensor) -> Tensor:
        """1 - cos(E(image), E(I_B)) for the style picture's own person, `[]`."""
        total = image.new_zeros(())
        for clip, style in zip(self.clips, self.styled, strict=True):
            total = total + (1 - F.cosine_similarity(clip.embed_image(image), style)).mean()
        return total


@torch.no_grad()
def _embed(clip: ClipModel, images: Tensor) -> Tensor:
    return clip.embed_image(images)
