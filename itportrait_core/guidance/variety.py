"""Whether people stay as different from one another as they were."""

from __future__ import annotations

from torch import Tensor

from .perceptual import Perceptual

KEPT = 0.75
"""Share of two people's difference that is enough: a style may take away the rest, as marble does colours."""


def lost_variety(perceptual: Perceptual, before: Tensor, after: Tensor) -> Tensor:
    """How much less two people differ than is enough, `[]`: 0 where enough is kept, up to `KEPT`.

    Args:
        before, after: both people [2, 3, H, W] in [-1, 1], from one view, by the untrained generator and by
            the trained one.
    """
    was, now = (perceptual(*pair.chunk(2)) for pair in (before, after))
    return (KEPT - now / was.clamp_min(1e-6)).clamp_min(0).mean()
