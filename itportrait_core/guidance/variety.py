"""Whether people stay as different from one another as they were."""

from __future__ import annotations

from torch import Tensor

from .perceptual import Perceptual


def lost_variety(perceptual: Perceptual, before: Tensor, after: Tensor) -> Tensor:
    """Share of two people's difference that is lost, `[]` in [0, 1]: 0 where they differ as before, or more.

    Args:
        before, after: both people [2, 3, H, W] in [-1, 1], from one view, by the untrained generator and by
            the trained one.
    """
    was, now = (perceptual(*pair.chunk(2)) for pair in (before, after))
    return (1 - now / was.clamp_min(1e-6)).clamp_min(0).mean()
