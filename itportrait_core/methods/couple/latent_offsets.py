"""One offset per latent layer as all that is trained: G_t draws nothing that its beginning could not draw."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.families import family_of
from ...networks.generator3d import Generator3D
from ..shared.latent_whitening import LatentWhitening
from ..shared.trainable import adam, trained_parameters
from .config import ITEConfig

FINE_SHARE = 0.5
"""How far the fine layers go, against the coarse ones: their colours are the picture's before the text's."""


class LatentOffset(torch.optim.Adam):
    """Adam on offsets in units of M(z)'s own spread, where other optimisers take weights.

    A latent `w` reaches the network by the affine maps of the style layers alone, `A w + b`. So an offset of
    everybody's latents lies in the constants, `b + A offset`; the generator keeps its form and its files.
    After a step the offset is zero again, for the constants hold it: they and Adam's moments are the state.
    """

    def __init__(self, g_o: Generator3D, g_t: Generator3D, **options: object) -> None:
        """`g_o`: its spread of M(z) is measured. `g_t`: its `affine.bias` ask for gradients."""
        nowhere = torch.zeros(1, g_o.num_ws, g_o.w_dim, device=next(g_t.parameters()).device)
        self.units = nn.Parameter(nowhere.clone())
        self.spread = LatentWhitening(g_o, mean=nowhere)  # an offset is the same from any mean
        self.share = torch.ones_like(self.units[..., :1])
        self.share[:, self.spread.coarse_layers :] = FINE_SHARE
        names = family_of(g_t).names
        latent_of = names.latent_of
        self.layers = {
            layer: latent_of(f"{name}.bias", g_o.num_ws)
            for name, layer in g_t.named_modules()
            if f"{name}.bias".endswith(names.style_bias) and layer.bias.requires_grad
        }
        super().__init__([self.units], **options)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the constants too."""
        for layer in self.layers:
            layer.bias.grad = None
        super().zero_grad(set_to_none)

    def step(self, closure: object = None) -> None:
        """Take the gradients of the constants back to the offsets, make Adam's step, and fold it in."""
        reached = {layer: by for layer, by in self._shifts().items() if layer.bias.grad is not None}
        torch.autograd.backward(list(reached.values()), [layer.bias.grad for layer in reached])
        super().step(closure)
        with torch.no_grad():
            for layer, by in self._shifts().items():
                layer.bias += by
            self.units.zero_()

    def _shifts(self) -> dict[Any, Tensor]:
        """What the offsets add to the constants of each style layer."""
        offsets = self.spread.offsets(self.share * self.units)[0] / math.sqrt(self.units.shape[-1])
        return {
            layer: F.linear(offsets[at], layer.weight.detach() * layer.lr_multiplier)
            for layer, at in self.layers.items()
        }


def optimizer_of(config: ITEConfig, g_o: Generator3D, g_t: Generator3D) -> torch.optim.Adam:
    """Of G_t's parameters that ask for gradients, or of the latents that they stand for."""
    if config.trained == "latents":
        return LatentOffset(g_o, g_t, lr=config.lr, betas=config.betas)
    return adam(trained_parameters(g_t).values(), config.lr, config.betas)
