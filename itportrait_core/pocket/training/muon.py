"""Muon: steps along the nearest orthogonal matrix of the gradient, for kernels of convolutions.

All directions of a kernel then learn equally fast, where Adam follows the few with large gradients; the 3D
generator needs about half as many steps. (K. Jordan, "Muon: an optimizer for hidden layers", 2024.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.9
STEP = 0.3
"""Root mean square of an update at a step size of 1: about that of Adam, so that both can share a rate."""
QUINTIC, ROUNDS = (3.4445, -4.7750, 2.0315), 5
"""Coefficients that pull singular values towards 1 fast, and how often they are applied."""


def orthogonalise(matrix: Tensor) -> Tensor:
    """[R, C] with the same singular vectors and all singular values near 1 (about 0.7 to 1.2)."""
    a, b, c = QUINTIC
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-12)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide else x.T


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; kernels are seen as matrices [out, in * k * k]."""

    def __init__(self, params: Iterable[Any], lr: float = 1e-2) -> None:
        """Args:
        params: tensors of two or more dimensions, or groups of them.
        lr: step size, on the scale of Adam's.
        """
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                momentum = state.setdefault("momentum", torch.zeros_like(p))
                momentum.lerp_(p.grad, 1 - MOMENTUM)
                update = p.grad.lerp(momentum, MOMENTUM).flatten(1)
                size = STEP * max(update.shape) ** 0.5
                p.sub_(group["lr"] * size * orthogonalise(update).view_as(p))


def parameter_groups(module: nn.Module, rate: float) -> list[dict[str, Any]]:
    """Groups for a `Trainer`: kernels of convolutions for Muon, everything else for Adam."""
    kernels = [p for p in module.parameters() if p.ndim == 4 and p.shape[-1] > 1]
    chosen = {id(p) for p in kernels}
    others = [p for p in module.parameters() if id(p) not in chosen]
    return [{"params": others, "lr": rate}, {"params": kernels, "lr": rate, "orthogonal": True}]
