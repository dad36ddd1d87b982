"""The loss terms of ITE beside Eq. 8 (docs/method.md#regularizers)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from ...guidance.perceptual import Perceptual
from ..shared.terms import Reference, needs_of
from .config import ITEConfig


class EditRegularizer:
    """Weights of the terms that keep what a text does not speak of, and what they compare with.

    CLIP says where a picture shall go, and is blind to much that gets lost on the way. So G_t is asked to
    keep G_o's shape (`depth`), its empty space (`empty`) and white background (`background`), to be grey
    where the style picture is (`colour`), and to draw each person much as it did before the text
    (`likeness`): the offset that draws a hat would darken every skin and make all hair alike.
    """

    def __init__(
        self,
        config: ITEConfig,
        perceptual: Perceptual | None,
        max_chroma: float,
        patch_direction: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        """`perceptual`: LPIPS, for `likeness`. `max_chroma`: see `allowed_chroma`; 1 without a style.

        `patch_direction`: of pictures before and after, for `patch`.
        """
        self.weights = config.weights()
        if max_chroma >= 1:
            self.weights.pop("colour", None)
        self.needs = needs_of(self.weights)
        self.reference = Reference(max_chroma=max_chroma)
        if perceptual is not None:
            self.reference = Reference(perceptual, max_chroma=max_chroma)
        if patch_direction is not None:
            self.reference = replace(self.reference, patch_direction=patch_direction)
