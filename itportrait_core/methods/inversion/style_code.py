"""The style code of one picture, optimised with its latent and pose (docs/style-prior.md).

The picture is compared with what G_o + D(s) draws (`networks/style_basis.py`). s begins at the encoder's
answer and moves with the latent, so that what belongs to the style need not be imitated by the person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from ...networks.generator3d import Generator3D
from ...networks.style_prior import StylePrior
from ...networks.weights_in_place import with_weights

T = TypeVar("T")


class StyleCode:
    """A generator that draws a picture's style, and the code [K] that says which.

    Attributes:
        code: [K], asks for gradients where it is optimised.
        start: the generator in the style that the encoder reads.
    """

    def __init__(self, generator: Generator3D, prior: StylePrior, pictures: Tensor, trained: bool) -> None:
        """`pictures`: [N, 3, H, W] in [-1, 1], all in one style: the code begins at the mean of what the
        encoder reads in each. `trained`: False keeps that.
        """
        self.generator, self.prior, self.trained = generator, prior, trained
        self.weights = dict(generator.named_parameters())
        with torch.no_grad():
            self.code = torch.stack([prior.code(one) for one in pictures.split(1)]).mean(dim=0)
        self.start = prior.styled(generator, self.code)
        self.code.requires_grad_(trained)

    def draw(self, function: Callable[[Generator3D], T], code: Tensor | None = None) -> T:
        """`function` of the generator in the style; differentiable in the code."""
        if not self.trained:
            return function(self.start)
        weights = self.prior.weights(self.weights, self.code if code is None else code)
        return with_weights(self.generator, weights, function)
