"""Roads of graphics cards through layers and planes: the same numbers in fewer passes over memory.

Eager torch starts a kernel for every addition. What follows here keeps less for the gradient, or is one
kernel where torch can make one (`one_pass`). `tests/core/test_fast_roads.py` compares it with plain formulas.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from . import one_pass

EPSILON = 1e-8


@lru_cache
def constant(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A number [1] on a device; made once, because making it is a kernel."""
    with torch.inference_mode(False):
        return torch.full((1,), value, dtype=dtype, device=device)


class Demodulation(torch.autograd.Function):
    """`gain / |weight * styles|` per output channel, [B, O]; see `modulated_conv2d`."""

    @staticmethod
    def forward(ctx: FunctionCtx, weight: Tensor, styles: Tensor, gain: float) -> Tensor:
        """`weight` [O, I, k, k], `styles` [B, I]."""
        energy, squares = (weight * weight).sum(dim=(2, 3)), styles * styles
        share = 1 / (gain * gain)
        least = constant(EPSILON * share, styles.dtype, styles.device)
        made = torch.addmm(least, squares, energy.t(), alpha=share).rsqrt_()
        ctx.save_for_backward(weight, styles, energy, squares, made)
        ctx.share = share
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients of `weight` and `styles`."""
        weight, styles, energy, squares, made = ctx.saved_tensors
        slope, share = made.pow(3).mul_(grad), -ctx.share
        of_weight = of_styles = None
        if ctx.needs_input_grad[0]:
            of_energy = torch.addmm(energy, slope.t(), squares, beta=0, alpha=share)
            of_weight = weight * of_energy[:, :, None, None]
        if ctx.needs_input_grad[1]:
            of_styles = torch.addmm(squares, slope, energy, beta=0, alpha=share).mul_(styles)
        return of_weight, of_styles, None


class Linear(torch.autograd.Function):
    """`alpha * x W^T + beta * bias` whose factors stay inside the products, also in the gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor, alpha: float, beta: float
    ) -> Tensor:
        """`x` [B, I], `weight` [O, I], `bias` [O]."""
        ctx.save_for_backward(x, weight)
        ctx.alpha, ctx.beta = alpha, beta
        return torch.addmm(bias, x, weight.t(), alpha=alpha, beta=beta)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `x`, `weight` and `bias`."""
        x, weight = ctx.saved_tensors
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = torch.addmm(x, grad, weight, alpha=ctx.alpha, beta=0)
        if ctx.needs_input_grad[1]:
            of_weight = torch.addmm(weight, grad.t(), x, alpha=ctx.alpha, beta=0)
        if ctx.needs_input_grad[2]:
            of_bias = grad.sum(dim=0) if ctx.beta == 1.0 else ctx.beta * grad.sum(dim=0)
        return of_x, of_weight, of_bias, None, None


class ScaledChannels(torch.autograd.Function):
    """`x` times a factor per channel; the factor's gradient is a product and needs no picture of its own."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, factor: Tensor) -> Tensor:
        """`x` [B, C, H, W], `factor` [B, C]."""
        ctx.save_for_backward(x, factor)
        return x * factor[:, :, None, None]

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of `x` and `factor`."""
        x, factor = ctx.saved_tensors
        of_x = grad * factor[:, :, None, None] if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return of_x, None
        rows, columns = grad.flatten(2).flatten(0, 1)[:, None], x.flatten(2).flatten(0, 1)[:, :, None]
        return of_x, torch.bmm(rows, columns).view_as(factor)


class NoiseBiasLeakyReLU(torch.autograd.Function):
    """`clamp(leaky_relu(x + gain * (strength * noise + bias)))`; as `ops.NoiseBiasLeakyReLU`, in one pass."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        noise: Tensor | None,
        strength: Tensor,
        bias: Tensor,
        gain: float,
        clamp: float | None,
    ) -> Tensor:
        """`x` [B, C, H, W], `noise` [1 or B, 1, H, W] or None, `strength` [], `bias` [C]."""
        limit = float("inf") if clamp is None else clamp
        y = one_pass.bias_leaky_relu(x, noise, strength, bias, gain, limit)
        ctx.save_for_backward(y, noise, strength)
        ctx.gain, ctx.limit = gain, limit
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `x`, `strength` and `bias`; noise is drawn or stored, and has none."""
        y, noise, strength = ctx.saved_tensors
        grad = one_pass.leaky_relu_backward(grad, y, ctx.limit)
        of_strength = of_bias = None
        if ctx.needs_input_grad[2] and noise is not None:
            row = grad.sum_to_size(noise.shape).reshape(1, -1).to(strength.dtype)
            column = noise.reshape(-1, 1).to(strength.dtype)
            of_strength = torch.addmm(strength, row, column, alpha=ctx.gain, beta=0).view_as(strength)
        if ctx.needs_input_grad[3]:
            of_bias = ctx.gain * grad.sum(dim=(0, 2, 3), dtype=strength.dtype)
        return grad, None, of_strength, of_bias, None, None


class IntervalOpacity(torch.autograd.Function):
    """`1 - exp(-softplus((a + b) / 2 - 1) * length)`, of raw densities at both ends of intervals."""

    @staticmethod
    def forward(ctx: FunctionCtx, sigma: Tensor, length: Tensor) -> Tensor:
        """`sigma` [..., S], `length` [..., S - 1] -> [..., S - 1]."""
        ctx.save_for_backward(sigma, length)
        return one_pass.opacity(sigma[..., :-1], sigma[..., 1:], length)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, None]:
        """The gradient of `sigma`; depths have none."""
        sigma, length = ctx.saved_tensors
        half = one_pass.opacity_backward(grad, sigma[..., :-1], sigma[..., 1:], length)
        made = torch.nn.functional.pad(half, (0, 1))
        made[..., 1:] += half
        return made, None


class Softplus(torch.autograd.Function):
    """log(1 + exp(x)) that keeps only its result, and writes it over `x`, which must be nobody else's."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        """Any shape."""
        y = torch.ops.aten.softplus.out(x.detach(), out=x.detach())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        """The gradient of `x`."""
        return one_pass.softplus_backward(grad, *ctx.saved_tensors)


class SumOfPlanes(torch.autograd.Function):
    """What three planes hold at the points of `grid`, added up.

    The gradient of a sum is the same for each plane; torch would write it out three times.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, planes: Tensor, grid: Tensor) -> Tensor:
        """`planes` [B, 3, C, H, W], `grid` [B, 3, P, 2] in [-1, 1] -> [B, C, P]."""
        ctx.save_for_backward(planes, grid)
        read = torch.grid_sampler(planes.flatten(0, 1), grid.flatten(0, 1)[:, None], 0, 0, False)
        return read.squeeze(2).unflatten(0, planes.shape[:2]).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of `planes` and `grid`."""
        planes, grid = ctx.saved_tensors
        mask, grad = list(ctx.needs_input_grad), grad[:, :, None]
        made = [
            torch.ops.aten.grid_sampler_2d_backward(grad, plane, places[:, None], 0, 0, False, mask)
            for plane, places in zip(planes.unbind(1), grid.unbind(1), strict=True)
        ]
        of_planes = torch.stack([one[0] for one in made], dim=1) if mask[0] else None
        return of_planes, torch.stack([one[1][:, 0] for one in made], dim=1) if mask[1] else None


class SplitSigmoid(torch.autograd.Function):
    """The first column, and the sigmoid of the others; its gradient is written once, where it belongs."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> tuple[Tensor, Tensor]:
        """[..., 1 + C] -> [..., 1] and [..., C]."""
        features = x[..., 1:].sigmoid()
        ctx.save_for_backward(features)
        return x[..., :1].clone(), features

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, first: Tensor, others: Tensor) -> Tensor:
        """The gradient of `x`."""
        (features,) = ctx.saved_tensors
        grad = features.new_empty((*features.shape[:-1], 1 + features.shape[-1]))
        grad[..., :1] = first
        torch.ops.aten.sigmoid_backward.grad_input(others, features, grad_input=grad[..., 1:])
        return grad
