"""Activations and the equalised linear layer of StyleGAN2 and EG3D (docs/eg3d.md#filters).

Everything here and in `resampling` and `modulated_conv` follows the dtype of its inputs. Some roads to the
same numbers differ by device (`on_card`): a graphics card waits for kernels and memory.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from .card_ops import EPSILON, Linear

LRELU_SLOPE = 0.2
SQRT2 = math.sqrt(2.0)


def on_card(x: Tensor) -> bool:
    """Whether a tensor is anywhere but on the CPU."""
    return x.device.type != "cpu"


def normalize_second_moment(x: Tensor, dim: int = 1) -> Tensor:
    """Scale `x` so that the mean of its squares along `dim` is 1."""
    return x * (x.square().mean(dim=dim, keepdim=True) + EPSILON).rsqrt()


@lru_cache
def half_type(device: str) -> torch.dtype | None:
    """The half-precision type of a kind of device: bfloat16, which cannot overflow; None without it."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    try:
        one = torch.ones(1, 1, 1, 1, dtype=torch.bfloat16, device=device)
        return torch.bfloat16 if float(F.conv2d(one, one)) == 1.0 else None
    except (RuntimeError, TypeError):  # Metal before macOS 14
        return None


def bias_act(
    x: Tensor,
    bias: Tensor | None,
    activation: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Add a bias along axis 1, apply the activation, a gain, and then a clamp.

    Args:
        x: [B, C, ...].
        bias: [C] or None.
        activation: "linear", or "lrelu" (slope 0.2, own gain sqrt 2).
        gain: replaces the own gain of the activation.
        clamp: limit of the absolute value after the gain; None for no limit.
    """
    if bias is not None:
        x = x + bias.reshape([1, -1] + [1] * (x.ndim - 2))
    if activation == "lrelu":
        x = F.leaky_relu(x, LRELU_SLOPE, inplace=bias is not None)  # the sum is nobody else's
        gain = SQRT2 if gain is None else gain
    if gain is not None and gain != 1.0:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


class NoiseBiasLeakyReLU(torch.autograd.Function):
    """`clamp(leaky_relu(x + noise + bias))` that keeps nothing for its gradient but the result.

    Slope and clamp can both be told from the result: its sign is the sum's, and what the clamp changed lies
    on the limit. So one tensor is kept in place of four, and one pass each undoes them.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, noise: Tensor | None, bias: Tensor, clamp: float | None
    ) -> Tensor:
        """`x` [B, C, H, W], `noise` [1 or B, 1, H, W] or None, `bias` [C]."""
        column = bias.reshape(1, -1, 1, 1)
        y = x + column if noise is None else (x + noise).add_(column)
        F.leaky_relu_(y, LRELU_SLOPE)
        if clamp is not None:
            y.clamp_(-clamp, clamp)
        ctx.save_for_backward(y)
        ctx.clamp, ctx.noise_shape = clamp, None if noise is None else noise.shape
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        """Gradients of `x`, `noise` and `bias`."""
        (y,) = ctx.saved_tensors
        if ctx.clamp is not None:
            grad = torch.ops.aten.hardtanh_backward(grad, y, -ctx.clamp, ctx.clamp)
        grad = torch.ops.aten.leaky_relu_backward(grad, y, LRELU_SLOPE, True)
        _, noise, bias, _ = ctx.needs_input_grad
        return (
            grad,
            grad.sum_to_size(ctx.noise_shape) if noise else None,
            grad.sum(dim=(0, 2, 3)) if bias else None,
            None,
        )


class FullyConnected(nn.Module):
    """Equalised linear layer: `y = act(x W^T * m / sqrt(in) + b * m)` for a learning-rate multiplier m."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.lr_multiplier = lr_multiplier
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        self.bias_init = bias_init

    def initialise(self, rng: torch.Generator) -> None:
        """Draw the start values: normal weights over the multiplier, constant bias."""
        with torch.no_grad():
            self.weight.copy_(torch.randn(self.weight.shape, generator=rng) / self.lr_multiplier)
            self.bias.fill_(self.bias_init)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        return bias_act(self.linear(x), None, self.activation)

    def linear(self, x: Tensor, factor: float = 1.0, rows: int | None = None) -> Tensor:
        """[..., in] -> [..., out] of `factor * x`, no activation; `rows`: the first outputs alone."""
        weight, bias = self.weight, self.bias
        if rows is not None:
            weight, bias = weight[:rows], bias[:rows]
        scale = factor * self.lr_multiplier / math.sqrt(weight.shape[1])
        if not on_card(x):
            bias = bias if self.lr_multiplier == 1.0 else bias * self.lr_multiplier
            return F.linear(x, weight * scale, bias)
        beta = self.lr_multiplier
        if x.ndim == 2:  # few rows: the factor inside the product has no pass of its own
            return Linear.apply(x, weight, bias, scale, beta)
        weight = weight * scale  # many rows: its gradient would have one over all of them
        if x.shape[0] == 1 and x.ndim == 3:
            return torch.addmm(bias, x.squeeze(0), weight.t(), beta=beta).unsqueeze(0)
        if x.ndim == 3:
            return torch.baddbmm(bias, x, weight.t().expand(x.shape[0], -1, -1), beta=beta)
        return torch.addmm(bias, x.flatten(0, -2), weight.t(), beta=beta).unflatten(0, x.shape[:-1])
