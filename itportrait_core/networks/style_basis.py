"""A basis of weight changes: theta(s) = theta_o + scale * D(s), linear in the style code s, D(0) = 0.

Kernels of convolutions change by low rank, D(s) = U diag(A s) V; biases, the constant input and the
decoder, which are small, by a full matrix, D(s) = M s. `scale` is the root mean square of the untrained
tensor, so that all entries of the basis have comparable sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

CODE_DIM = 64
"""Length K of a style code."""
RANK = 64
"""Largest rank of a kernel's change."""
TRAINED = ("backbone.synthesis.", "superresolution.", "decoder.")
"""Parts that a style changes; the mapping network stays, so every person keeps their latent."""
MIN_SCALE = 1e-2
"""Smallest `scale`: biases that happen to be zero can change too."""


class LowRank(nn.Module):
    """Change of one kernel [O, I, k, k]."""

    def __init__(self, shape: Sequence[int], code_dim: int, rank: int) -> None:
        super().__init__()
        outputs, inputs = shape[0], math.prod(shape[1:])
        rank = min(rank, outputs, inputs)
        self.up = nn.Parameter(torch.empty(outputs, rank))
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.gain = nn.Parameter(torch.empty(rank, code_dim))
        self.register_buffer("scale", torch.ones(()))

    def initialise(self, rng: torch.Generator) -> None:
        """A small change in random directions."""
        with torch.no_grad():
            self.up.copy_(0.02 * torch.randn(self.up.shape, generator=rng))
            self.down.copy_(torch.randn(self.down.shape, generator=rng))
            self.gain.copy_(torch.randn(self.gain.shape, generator=rng) / math.sqrt(self.gain.shape[1]))

    def forward(self, code: Tensor) -> Tensor:
        """[K] -> [O, I * k * k]."""
        return self.scale * ((self.up * (self.gain @ code)) @ self.down)


class Full(nn.Module):
    """Change of one small tensor."""

    def __init__(self, shape: Sequence[int], code_dim: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(math.prod(shape), code_dim))
        self.register_buffer("scale", torch.ones(()))

    def initialise(self, rng: torch.Generator) -> None:
        """No change."""

    def forward(self, code: Tensor) -> Tensor:
        """[K] -> [numel]."""
        return self.scale * (self.matrix @ code)


class StyleBasis(nn.Module):
    """All changes of one generator, by parameter name."""

    def __init__(
        self, shapes: Mapping[str, Sequence[int]], code_dim: int = CODE_DIM, rank: int = RANK
    ) -> None:
        """`shapes`: of the generator's parameters that styles change, by name; see `changed_shapes`."""
        super().__init__()
        self.names = list(shapes)
        for name, shape in shapes.items():
            low_rank = len(shape) == 4
            part = LowRank(shape, code_dim, rank) if low_rank else Full(shape, code_dim)
            self.add_module(key_of(name), part)

    @torch.no_grad()
    def initialise(self, weights: Mapping[str, Tensor], rng: torch.Generator) -> None:
        """Start values for the generator with these weights: its scales, and small random changes."""
        for name in self.names:
            part = self.get_submodule(key_of(name))
            part.scale.copy_(rms(weights[name]))
            part.initialise(rng)

    def forward(self, code: Tensor) -> dict[str, Tensor]:
        """Code [K] -> change of every parameter, flat, by name."""
        return {name: self.get_submodule(key_of(name))(code) for name in self.names}

    def weights(self, base: Mapping[str, Tensor], code: Tensor) -> dict[str, Tensor]:
        """The changed parameters theta(s), differentiable in the basis and in the code."""
        return {name: base[name] + change.view_as(base[name]) for name, change in self(code).items()}


def changed_shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters that styles change: not style layers' matrices, which read the person."""
    return {
        name: tuple(weight.shape)
        for name, weight in weights.items()
        if name.startswith(TRAINED) and not name.endswith(("affine.weight", "noise_strength"))
    }


def key_of(name: str) -> str:
    """Name of a submodule for a parameter."""
    return name.replace(".", "_")


def rms(weight: Tensor) -> Tensor:
    """Root mean square of a tensor, at least `MIN_SCALE`."""
    return weight.detach().square().mean().sqrt().clamp_min(MIN_SCALE)
