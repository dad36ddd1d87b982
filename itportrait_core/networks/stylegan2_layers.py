"""Layers of StyleGAN2: mapping network, modulated layers, to-RGB (docs/eg3d.md#synthesis).

Parameter names are those of NVIDIA's stylegan2-ada. The `resample_filter` buffers exist for those names
only; their value is the same in every published model.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import ITPortraitError
from . import card_ops
from .modulated_conv import modulated_conv2d
from .ops import SQRT2, FullyConnected, NoiseBiasLeakyReLU, bias_act, normalize_second_moment, on_card
from .resampling import binomial_filter


def count_ws(resolution: int) -> int:
    """Number of style vectors that a synthesis network of this side takes.

    Raises:
        ITPortraitError: for a side that is no power of two from 8.
    """
    level = round(math.log2(resolution)) if resolution > 0 else 0
    if level < 3 or 2**level != resolution:
        raise ITPortraitError(f"The side {resolution} is impossible; use a power of two from 8.")
    return 2 * (level - 1)


def draw_weights(module: nn.Module, seed: int) -> None:
    """Give every layer inside `module` its start values, from one seeded generator."""
    rng = torch.Generator().manual_seed(seed)
    for child in module.modules():
        if hasattr(child, "initialise"):
            child.initialise(rng)


class MappingNetwork(nn.Module):
    """Latent (and label) to style vectors; keeps the running mean `w_avg` for truncation."""

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int,
        num_layers: int = 8,
        embed_features: int | None = None,
        layer_features: int | None = None,
        lr_multiplier: float = 0.01,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws, self.num_layers = (
            z_dim,
            c_dim,
            w_dim,
            num_ws,
            num_layers,
        )
        embedded = 0
        if c_dim > 0:
            embedded = embed_features or w_dim
            self.embed = FullyConnected(c_dim, embedded)
        widths = [z_dim + embedded] + [layer_features or w_dim] * (num_layers - 1) + [w_dim]
        for i, (inputs, outputs) in enumerate(pairwise(widths)):
            layer = FullyConnected(inputs, outputs, activation="lrelu", lr_multiplier=lr_multiplier)
            self.add_module(f"fc{i}", layer)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> Tensor:
        """Map latents to style vectors.

        Args:
            z: [B, z_dim] standard normal.
            c: [B, c_dim]; not needed where c_dim is 0.
            truncation_psi: 1 keeps all variety, 0 gives the mean.
            truncation_cutoff: number of leading style vectors to truncate; None for all.
            update_w_avg: move the running mean towards this batch (training only).

        Returns:
            ws [B, num_ws, w_dim].
        """
        dtype = self.w_avg.dtype
        parts = []
        if self.z_dim > 0:
            if z is None:
                raise ITPortraitError(f"This generator needs latents of {self.z_dim} numbers; pass z.")
            parts.append(normalize_second_moment(z.to(dtype)))
        if self.c_dim > 0:
            if c is None:
                raise ITPortraitError(f"This generator needs a label of {self.c_dim} numbers; pass c.")
            parts.append(normalize_second_moment(self.embed(c.to(dtype))))
        x = torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        if update_w_avg:
            self.w_avg.lerp_(x.detach().mean(dim=0), 1.0 - 0.998)
        ws = x[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi == 1.0:
            return ws
        cut = self.num_ws if truncation_cutoff is None else truncation_cutoff
        return torch.cat([self.w_avg.lerp(ws[:, :cut], truncation_psi), ws[:, cut:]], dim=1)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU; doubles the size where `up` is 2."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        up: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("resample_filter", binomial_filter())
        self.register_buffer("noise_const", torch.zeros(resolution, resolution))

    def initialise(self, rng: torch.Generator) -> None:
        """Draw normal weights and the constant noise picture."""
        with torch.no_grad():
            self.weight.copy_(torch.randn(self.weight.shape, generator=rng))
            self.noise_const.copy_(torch.randn(self.noise_const.shape, generator=rng))

    def forward(
        self, x: Tensor, w: Tensor, noise_mode: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """[B, I, h, h] and w [B, w_dim] -> [B, O, r, r]."""
        # The activation's gain is applied to all that goes in: the same, without a pass of its own.
        x = modulated_conv2d(x, self.weight, self.affine(w), up=self.up, gain=SQRT2)
        noise: Tensor | None = None
        if on_card(x):
            if noise_mode == "const":
                noise = self.noise_const[None, None]
            elif noise_mode == "random":
                noise = self.draw_noise(x, rng)
            return card_ops.NoiseBiasLeakyReLU.apply(
                x, noise, self.noise_strength, self.bias, SQRT2, self.clamp
            )
        if noise_mode == "const":
            noise = (self.noise_const * (SQRT2 * self.noise_strength))[None, None].to(x.dtype)
        elif noise_mode == "random":
            noise = self.draw_noise(x, rng) * (SQRT2 * self.noise_strength).to(x.dtype)
        return NoiseBiasLeakyReLU.apply(x, noise, (SQRT2 * self.bias).to(x.dtype), self.clamp)

    def draw_noise(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        """A fresh normal picture [B, 1, r, r] for every sample."""
        if rng is None:
            raise ITPortraitError('noise_mode "random" needs rng=; pass one, or use "const".')
        shape = (x.shape[0], 1, *x.shape[2:])
        return torch.randn(shape, generator=rng, device=rng.device).to(x)


class ToRGBLayer(nn.Module):
    """Modulated 1x1 convolution to picture channels, without demodulation."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def initialise(self, rng: torch.Generator) -> None:
        """Draw normal weights."""
        with torch.no_grad():
            self.weight.copy_(torch.randn(self.weight.shape, generator=rng))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """[B, I, r, r] and w [B, w_dim] -> [B, O, r, r]."""
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        if on_card(x) and len(x) == len(w):  # the bias is added inside the product
            weights = (self.weight[None, :, :, 0, 0] * styles[:, None]).to(x.dtype)
            column = self.bias.to(x.dtype)[None, :, None].expand(len(x), -1, 1)
            made = torch.baddbmm(column, weights, x.flatten(2)).unflatten(2, x.shape[2:])
            return bias_act(made, None, clamp=self.clamp)
        return bias_act(
            modulated_conv2d(x, self.weight, styles, demodulate=False), self.bias, clamp=self.clamp
        )
