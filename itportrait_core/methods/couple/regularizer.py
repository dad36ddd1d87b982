"""What ITE asks of every view, whichever way the gate went (docs/method.md#regularizers)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...guidance.colour import allowed_chroma
from ...guidance.perceptual import Perceptual
from ..shared.terms import shared_terms, weights_of
from .config import ITEConfig


class EditRegularizer:
    """The terms beside Eq. 8.

    CLIP says where a picture shall go, and is blind to much that gets lost on the way. So G_t is asked to
    keep G_o's shape (`config.depth`), its empty space (`config.empty`) and white background
    (`config.background`), to be grey where the style picture is (`config.colour`), and to draw each person
    much as it did before the text (`config.likeness`): the offset that draws a hat would darken every skin
    and make all hair alike.
    """

    def __init__(self, config: ITEConfig, perceptual: Perceptual | None, style_image: Tensor | None) -> None:
        """`perceptual`: LPIPS, for `likeness`. `style_image`: [1, 3, H, W], or None without one."""
        self.weights = weights_of(config, ("depth", "empty", "background", "colour", "likeness"))
        self.perceptual, self.allowed = perceptual, 1.0
        if "colour" in self.weights and style_image is not None:
            self.allowed = allowed_chroma(style_image)
        if self.allowed >= 1:
            self.weights.pop("colour", None)

    @property
    def need_source(self) -> bool:
        """Whether they compare with what G_o draws."""
        return bool(self.weights.keys() & {"depth", "empty"})

    @property
    def need_before_text(self) -> bool:
        """Whether they compare with what G_s draws, or G_o without a style."""
        return "likeness" in self.weights

    def added_to(self, loss: Tensor, render: Any, source: Any, before_text: Any) -> Tensor:
        """`loss` with all terms of one view: renders of one person by G_t, by G_o, and before the text.

        `source` and `before_text` may be None where `need_source` and `need_before_text` are False.
        """
        terms = shared_terms(render, source, self.allowed)
        terms["likeness"] = lambda: self._unlike(render.image, before_text.image)
        for name, weight in self.weights.items():
            loss = loss + weight * terms[name]()
        return loss

    def _unlike(self, image: Tensor, before_text: Tensor) -> Tensor:
        assert self.perceptual is not None  # `couple` loads it where `likeness` has a weight
        return self.perceptual(image, before_text).mean()
