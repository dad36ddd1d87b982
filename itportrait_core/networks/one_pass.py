"""Activations in one pass over memory, forward and backward, on NVIDIA and AMD cards.

torch makes the kernels from a line of C each, inside this process (`torch.cuda.jiterator`). No node compiles
anything, so they are used only in programs that ask for it by `allow`. Before their first use they are
compared with the plain formula; where that fails, or torch cannot make them, the plain formula stays. Other
devices always take it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

SLOPE = 0.2
FORWARD = """
template <typename T> T bias_leaky_relu(T x, T bias, T gain, T slope, T limit) {
  T y = x + gain * bias;
  y = y < T(0) ? y * slope : y;
  return y > limit ? limit : (y < -limit ? -limit : y);
}"""
WITH_NOISE = """
template <typename T> T noise_leaky_relu(T x, T bias, T noise, T strength, T gain, T slope, T limit) {
  T y = x + gain * (strength * noise + bias);
  y = y < T(0) ? y * slope : y;
  return y > limit ? limit : (y < -limit ? -limit : y);
}"""
BACKWARD = """
template <typename T> T leaky_relu_backward(T grad, T y, T slope, T limit) {
  T inside = y > T(0) ? grad : grad * slope;
  return (y > -limit && y < limit) ? inside : T(0);
}"""
SOFTPLUS = """
template <typename T> T softplus_backward(T grad, T y) {
  return -grad * ::expm1(-y);
}"""
OPACITY = """
template <typename T> T opacity(T a, T b, T length) {
  T x = (a + b) / T(2) - T(1);
  T density = x > T(20) ? x : ::log1p(::exp(x));
  return T(1) - ::exp(-density * length);
}"""
OPACITY_BACKWARD = """
template <typename T> T opacity_backward(T grad, T a, T b, T length) {
  T x = (a + b) / T(2) - T(1);
  T density = x > T(20) ? x : ::log1p(::exp(x));
  T slope = x > T(20) ? T(1) : T(1) / (T(1) + ::exp(-x));
  return grad * ::exp(-density * length) * length * slope / T(2);
}"""
"""C of each kernel, with the names of its numbers behind those of its tensors."""


def bias_leaky_relu(
    x: Tensor, noise: Tensor | None, strength: Tensor, bias: Tensor, gain: float, limit: float
) -> Tensor:
    """`clamp(leaky_relu(x + gain * (strength * noise + bias)), -limit, limit)`.

    Args:
        x: [B, C, H, W].
        noise: [1 or B, 1, H, W], None for none.
        strength: [].
        bias: [C].
    """
    return (_fused_forward if works_on(x) else plain_forward)(x, noise, strength, bias, gain, limit)


def leaky_relu_backward(grad: Tensor, y: Tensor, limit: float) -> Tensor:
    """The gradient of what went into `bias_leaky_relu`, told from its result `y`."""
    return (_fused_backward if works_on(grad) else plain_backward)(grad, y, limit)


def softplus_backward(grad: Tensor, y: Tensor) -> Tensor:
    """The gradient of what went into a softplus, told from its result `y`."""
    return kernel(SOFTPLUS)(grad, y) if works_on(grad) else -grad * torch.expm1(-y)


def opacity(a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    """`1 - exp(-softplus((a + b) / 2 - 1) * length)`."""
    return kernel(OPACITY)(a, b, length) if works_on(a) else plain_opacity(a, b, length)


def plain_opacity(a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    """The formula, one operation after another."""
    return 1.0 - torch.exp(-F.softplus((b + a) / 2 - 1.0) * length)


def opacity_backward(grad: Tensor, a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    """The gradient of `a`, and of `b`."""
    if works_on(grad):
        return kernel(OPACITY_BACKWARD)(grad, a, b, length)
    return plain_opacity_backward(grad, a, b, length)


def plain_opacity_backward(grad: Tensor, a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    """The same for the gradient."""
    x = (b + a) / 2 - 1.0
    return grad * torch.exp(-F.softplus(x) * length) * length * torch.sigmoid(x) / 2


def plain_forward(
    x: Tensor, noise: Tensor | None, strength: Tensor, bias: Tensor, gain: float, limit: float
) -> Tensor:
    """The formula, one operation after another."""
    column = (gain * bias).to(x.dtype).reshape(1, -1, 1, 1)
    y = x + column if noise is None else (x + (noise * (gain * strength)).to(x.dtype)).add_(column)
    return F.leaky_relu_(y, SLOPE).clamp_(-limit, limit)


def plain_backward(grad: Tensor, y: Tensor, limit: float) -> Tensor:
    """The same for the gradient."""
    grad = torch.ops.aten.hardtanh_backward(grad, y, -limit, limit)
    return torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True)


def _fused_forward(
    x: Tensor, noise: Tensor | None, strength: Tensor, bias: Tensor, gain: float, limit: float
) -> Tensor:
    column, numbers = bias.to(x.dtype).reshape(1, -1, 1, 1), {"gain": gain, "slope": SLOPE, "limit": limit}
    if noise is None:
        return kernel(FORWARD)(x, column, **numbers)
    return kernel(WITH_NOISE)(x, column, noise.to(x.dtype), strength.to(x.dtype), **numbers)


def _fused_backward(grad: Tensor, y: Tensor, limit: float) -> Tensor:
    return kernel(BACKWARD)(grad, y, slope=SLOPE, limit=limit)


@lru_cache
def kernel(code: str) -> Callable[..., Tensor]:
    """What takes tensors in the order of the C, and its numbers by name; both broadcast."""
    numbers = tuple(name for name in ("gain", "slope", "limit") if f"T {name}" in code.split("{")[0])
    return torch.cuda.jiterator._create_jit_fn(code, **dict.fromkeys(numbers, 1.0))


def allow(yes: bool = True) -> None:
    """Whether this process may make such kernels; it may not until it is told."""
    _allowed["here"] = yes


_allowed = {"here": False}


def works_on(x: Tensor) -> bool:
    """Whether such kernels are used for tensors like `x`."""
    return _allowed["here"] and x.is_cuda and _works(x.dtype, x.device)


@lru_cache
def _works(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether the kernels give what the formulas do, for this type on this card."""
    try:
        with torch.inference_mode(False), torch.no_grad():
            rng = torch.Generator().manual_seed(0)
            x, noise, bias = (
                torch.randn(shape, generator=rng).to(device, dtype)
                for shape in ((2, 3, 5, 7), (1, 1, 5, 7), (3,))
            )
            strength, close = bias.sum(), {"atol": 0.05, "rtol": 0.05}
            if dtype == torch.float32:
                close = {"atol": 1e-5, "rtol": 1e-5}
            for drawn in (None, noise):
                given = x, drawn, strength, bias, 1.5, 0.7
                wanted = plain_forward(*given)
                torch.testing.assert_close(_fused_forward(*given), wanted, **close)
                made = _fused_backward(x, wanted, 0.7)
                torch.testing.assert_close(made, plain_backward(x, wanted, 0.7), **close)
            y = F.softplus(x)
            torch.testing.assert_close(kernel(SOFTPLUS)(x, y), -x * torch.expm1(-y), **close)
            torch.testing.assert_close(kernel(OPACITY)(x, y, y), plain_opacity(x, y, y), **close)
            made, wanted = kernel(OPACITY_BACKWARD)(x, x, y, y), plain_opacity_backward(x, x, y, y)
            torch.testing.assert_close(made, wanted, **close)
        return True
    except Exception as error:  # of every kind: no compiler, an old card, a new torch
        logging.getLogger(__name__).info("Kernels in one pass are not used: %.300s", error)
        return False
