"""Filters, and convolutions that double or halve the size of a picture (docs/eg3d.md#filters).

A filter of None stands for the one that every published model uses, the outer product of [1,3,3,1] with
itself over 64, and takes a faster road to the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .ops import on_card

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
    if on_card(x):  # the filter alone: no copies for its edges
        weight = usual_filter(4.0, x.dtype, x.device).expand(x.shape[1], -1, -1, -1)
        return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])
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
