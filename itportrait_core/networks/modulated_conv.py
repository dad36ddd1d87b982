"""The modulated convolution of StyleGAN2 (docs/eg3d.md#filters)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .ops import EPSILON, on_card
from .resampling import conv2d_resample, upfirdn2d


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
