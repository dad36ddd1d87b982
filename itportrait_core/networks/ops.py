"""Building operations of StyleGAN2 and EG3D (docs/eg3d.md#filters).

Everything follows the dtype of its inputs. A filter of None stands for the one that every published model
uses, the outer product of [1,3,3,1] with itself over 64, and takes a faster road to the same numbers. Some
roads differ by device (`on_card`): a graphics card waits for kernels and memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

LRELU_SLOPE = 0.2
SQRT2 = math.sqrt(2.0)
EPSILON = 1e-8
MATRIX_SIDE = 128
"""Largest side of a picture that is doubled by products with a matrix."""


def binomial_filter(dtype: torch.dtype = torch.float32, device: torch.device | str | None = None) -> Tensor:
    """The [4, 4] filter of every published model; sums to 1."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=dtype, device=device)
    return torch.outer(taps, taps) / 64.0


_FILTERS: dict[tuple[float, torch.dtype, torch.device], Tensor] = {}


def usual_filter(gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same as [1, 1, 4, 4] times `gain`; made once for every device, because making it waits."""
    key = (gain, dtype, device)
    if key not in _FILTERS:
        with torch.inference_mode(False):
            made = (binomial_filter(dtype, device) * gain)[None, None]
        if type(made) is not Tensor:  # made inside a tracer, and of no use outside
            return made
        _FILTERS[key] = made
    return _FILTERS[key]


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


def upfirdn2d(
    x: Tensor,
    kernel: Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Sequence[int] = (0, 0, 0, 0),
    gain: float = 1.0,
) -> Tensor:
    """Insert zeros, pad, convolve every channel with `kernel * gain`, keep every `down`-th sample.

    Args:
        x: [B, C, H, W].
        kernel: [kh, kw]; None for the usual filter. It is flipped: a true convolution.
        padding: (left, right, top, bottom) at the upsampled size; negative numbers crop.
    """
    batch, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(batch, channels, height, 1, width, 1)
        x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(batch, channels, height * up, width * up)
    inside = 0
    if on_card(x) and len(set(padding)) == 1 and padding[0] > 0:
        inside = padding[0]  # the convolution pads by itself, without a copy
    else:
        x = F.pad(x, tuple(padding))
    if kernel is None:
        weight = usual_filter(gain, x.dtype, x.device)
    else:
        weight = (kernel.to(x.dtype) * gain).flip(0, 1)[None, None]
    return F.conv2d(x, weight.expand(channels, -1, -1, -1), stride=down, padding=inside, groups=channels)


def upsample2d(x: Tensor, kernel: Tensor | None = None) -> Tensor:
    """Double the size of an image, as on the skip path: [B, C, H, W] -> [B, C, 2H, 2W]."""
    if kernel is not None:
        return upfirdn2d(x, kernel, up=2, padding=(2, 1, 2, 1), gain=4.0)
    # The usual filter is bilinear interpolation with zeros beyond the edge. Small pictures are doubled by two
    # products with a matrix: with gradients on a CPU that is three times as fast as interpolate.
    if not on_card(x) and max(x.shape[2:]) <= MATRIX_SIDE:
        rows, columns = (doubling_matrix(side, x.dtype, x.device) for side in x.shape[2:])
        return rows @ (x @ columns.T)
    x = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    return x[:, :, 2:-2, 2:-2]


def doubling_matrix(side: int, dtype: torch.dtype, device: torch.device | str | None = None) -> Tensor:
    """[2 * side, side]: doubles a line of numbers; every new one is 3/4 of the nearest, 1/4 of the next."""
    place = (torch.arange(2 * side, dtype=dtype, device=device)[:, None] - 0.5) / 2
    return (1.0 - (place - torch.arange(side, dtype=dtype, device=device)).abs()).clamp_min(0.0)


def conv2d_resample(
    x: Tensor, weight: Tensor, *, up: int = 1, down: int = 1, kernel: Tensor | None = None
) -> Tensor:
    """Convolve with "same" padding, after doubling or before halving the size.

    Args:
        x: [B, I, H, W].
        weight: [O, I, k, k], k 1 or 3, used as stored (cross-correlation; not flipped when upsampling).
        up: 1 or 2 (3x3 only).
        down: 1 or 2.
    """
    size = weight.shape[-1]
    if up == 2:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return upfirdn2d(x, kernel, padding=(1, 1, 1, 1), gain=4.0)
    if down == 2 and size == 1:
        return F.conv2d(upfirdn2d(x, kernel, down=2, padding=(1, 1, 1, 1)), weight)
    if down == 2:
        return F.conv2d(upfirdn2d(x, kernel, padding=(2, 2, 2, 2)), weight, stride=2)
    return F.conv2d(x, weight, padding=size // 2)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    demodulate: bool = True,
    kernel: Tensor | None = None,
    gain: float = 1.0,
) -> Tensor:
    """Convolution whose weights are scaled per sample by `styles` (and normalised per output channel).

    Either each sample's weights are scaled, or input and output around one plain convolution: the same
    numbers. `scale_weights` tells which of them moves less.

    Args:
        x: [B, I, H, W].
        weight: [O, I, k, k]; cast to the type of `x` after scaling.
        styles: [B, I].
        gain: factor on the result of a demodulated convolution.
    """
    if weight.shape[-1] == 1 and not demodulate:
        weights = weight[None, :, :, 0, 0] * styles[:, None]  # [B, O, I]
        return (weights.to(x.dtype) @ x.flatten(2)).unflatten(2, x.shape[2:])
    demod = None
    if demodulate:
        energy = weight.square().sum(dim=(2, 3))  # [O, I]
        demod = gain * (styles.square() @ energy.t() + EPSILON).rsqrt()  # [B, O]
    if scale_weights(x, weight, styles, up):
        weights = weight * styles[:, None, :, None, None]  # [B, O, I, k, k]
        if demod is not None:
            weights = weights * demod[:, :, None, None, None]
        return per_sample_conv2d(x, weights.to(x.dtype), up=up, kernel=kernel)
    scaled = x * styles[:, :, None, None].to(x.dtype)
    x = conv2d_resample(scaled, weight.to(x.dtype), up=up, kernel=kernel)
    return x if demod is None else x * demod[:, :, None, None].to(x.dtype)


def scale_weights(x: Tensor, weight: Tensor, styles: Tensor, up: int) -> bool:
    """Whether a modulated convolution scales its weights (and not what goes in and comes out).

    Always for one sample without gradients. On a card, where grouped convolutions are as fast as plain ones,
    also for several and with gradients, if that moves fewer numbers; but not where latents are trained and
    weights are not, which need no gradient then.
    """
    batch, (outputs, inputs), pixels = x.shape[0], weight.shape[:2], x[0, 0].numel()
    if not torch.is_grad_enabled() and batch == 1:
        return True
    if not on_card(x):
        return False
    if torch.is_grad_enabled() and styles.requires_grad and not weight.requires_grad:
        return False
    return 2 * batch * weight.numel() < batch * pixels * (inputs + outputs * up * up)


def per_sample_conv2d(x: Tensor, weights: Tensor, *, up: int = 1, kernel: Tensor | None = None) -> Tensor:
    """`conv2d_resample` with weights [B, O, I, k, k] of each sample of `x` [B, I, H, W]."""
    batch, size = x.shape[0], weights.shape[-1]
    if batch == 1:
        return conv2d_resample(x, weights.squeeze(0), up=up, kernel=kernel)
    merged = x.flatten(0, 1).unsqueeze(0)
    if up == 2:
        flipped = weights.transpose(1, 2).flatten(0, 1)  # [B * I, O, k, k]
        made = F.conv_transpose2d(merged, flipped, stride=2, groups=batch)
        return upfirdn2d(made.squeeze(0).unflatten(0, (batch, -1)), kernel, padding=(1, 1, 1, 1), gain=4.0)
    made = F.conv2d(merged, weights.flatten(0, 1), padding=size // 2, groups=batch)
    return made.squeeze(0).unflatten(0, (batch, -1))


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
        factors = {"beta": self.lr_multiplier, "alpha": scale}  # inside the product: no passes of their own
        if x.ndim == 2:
            return torch.addmm(bias, x, weight.t(), **factors)
        if x.shape[0] == 1 and x.ndim == 3:
            return torch.addmm(bias, x.squeeze(0), weight.t(), **factors).unsqueeze(0)
        if x.ndim == 3:
            return torch.baddbmm(bias, x, weight.t().expand(x.shape[0], -1, -1), **factors)
        return torch.addmm(bias, x.flatten(0, -2), weight.t(), **factors).unflatten(0, x.shape[:-1])
