"""A prior of what styles are: a linear basis of weight changes, and an encoder of style pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..config import Config
from .generator3d import G
from .style_basis import CODE_DIM, RANK, StyleBasis
from .style_code import WIDTHS, StyleCodeEncoder
from .weights_in_place import copy_with_weights


@dataclass(frozen=True)
class StylePriorConfig(Config):
    """Sizes of a style prior, and the generator that it belongs to."""

    base_hash: str = ""
    """Hash of the generator's weights, `lineage.weights_hash`; the basis means nothing on another one."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of the parameters that it changes, by name."""
    code_dim: int = CODE_DIM
    """Length of a style code."""
    rank: int = RANK
    """Largest rank of a kernel's change."""
    widths: tuple[int, ...] = WIDTHS
    """Channels of the encoder after each halving of the side."""


class StylePrior(nn.Module):
    """Style picture -> code -> changed weights."""

    def __init__(self, config: StylePriorConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the encoder's start weights, None leaves them to be loaded."""
        super().__init__()
        self.config = config
        self.basis = StyleBasis(config.shapes, config.code_dim, config.rank)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            self.encoder = StyleCodeEncoder(config.code_dim, config.widths)

    def code(self, image: Tensor) -> Tensor:
        """Code [K] of one style picture [1, 3, H, W] in [-1, 1]."""
        return self.encoder(image)[0]

    def weights(self, base: Mapping[str, Tensor], code: Tensor) -> dict[str, Tensor]:
        """The generator's weights by name, changed by a code [K]."""
        return self.basis.weights(base, code)

    def styled(self, generator: G, code: Tensor) -> G:
        """A copy of the generator with the style of a code [K] in its weights; no gradients."""
        return copy_with_weights(generator, self.weights(dict(generator.named_parameters()), code))
