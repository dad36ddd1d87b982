"""The modulated convolution of StyleGAN2 (docs/eg3d.md#filters)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .card_ops import Demodulation, ScaledChannels
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
        styles: [B, I]; where `x` holds V pictures of each, [V * B, I, H, W], they serve all of them.
        gain: factor on the result of a demodulated convolution.
    """
    views = x.shape[0] // styles.shape[0]
    if weight.shape[-1] == 1 and not demodulate:
        weights = (weight[None, :, :, 0, 0] * styles[:, None]).to(x.dtype)  # [B, O, I]
        if views > 1:
            made = weights @ x.flatten(2).unflatten(0, (views, -1))
            return made.flatten(0, 1).unflatten(2, x.shape[2:])
        return (weights @ x.flatten(2)).unflatten(2, x.shape[2:])
    demod = None
    if demodulate and on_card(x):
        demod = Demodulation.apply(weight, styles, gain)
    elif demodulate:
        energy = weight.square().sum(dim=(2, 3))  # [O, I]
        demod = gain * (styles.square() @ energy.t() + EPSILON).rsqrt()  # [B, O]
    if scale_weights(x, weight, styles, up):
        if demod is not None and on_card(x):  # one pass over all weights in place of two
            weights = weight * (styles[:, None] * demod[:, :, None])[..., None, None]
            return per_sample_conv2d(x, weights.to(x.dtype), up=up, kernel=kernel)
        weights = weight * styles[:, None, :, None, None]  # [B, O, I, k, k]
        if demod is not None:
            weights = weights * demod[:, :, None, None, None]
        return per_sample_conv2d(x, weights.to(x.dtype), up=up, kernel=kernel)
    if views > 1:
        styles, demod = (None if one is None else one.repeat(views, 1) for one in (styles, demod))
    scaled = scale_channels(x, styles)
    x = conv2d_resample(scaled, weight.to(x.dtype), up=up, kernel=kernel)
    return x if demod is None else scale_channels(x, demod)


def scale_channels(x: Tensor, factor: Tensor) -> Tensor:
    """`x` [B, C, H, W] times `factor` [B, C]."""
    factor = factor.to(x.dtype)
    return ScaledChannels.apply(x, factor) if on_card(x) else x * factor[:, :, None, None]


def scale_weights(x: Tensor, weight: Tensor, styles: Tensor, up: int) -> bool:
    """Whether a modulated convolution scales its weights (and not what goes in and comes out).

    Always for one sample without gradients. On a card, where grouped convolutions are as fast as plain ones,
    also for several and with gradients, if that moves fewer numbers; but not where latents are trained and
    weights are not, which need no gradient then.
    """
    batch, (outputs, inputs) = styles.shape[0], weight.shape[:2]
    pixels = x.shape[0] // batch * x[0, 0].numel()
    if not torch.is_grad_enabled() and x.shape[0] == 1:
        return True
    if not on_card(x):
        return False
    if torch.is_grad_enabled() and styles.requires_grad and not weight.requires_grad:
        return False
    return 2 * batch * weight.numel() < batch * pixels * (inputs + outputs * up * up)


def per_sample_conv2d(x: Tensor, weights: Tensor, *, up: int = 1, kernel: Tensor | None = None) -> Tensor:
    """`conv2d_resample` with weights [B, O, I, k, k] of each sample of `x` [V * B, I, H, W]."""
    batch, size = weights.shape[0], weights.shape[-1]
    if batch == 1:
        return conv2d_resample(x, weights.squeeze(0), up=up, kernel=kernel)
    merged = x.reshape(-1, batch * x.shape[1], *x.shape[2:])
    if up == 2:
        flipped = weights.transpose(1, 2).flatten(0, 1)  # [B * I, O, k, k]
        made = F.conv_transpose2d(merged, flipped, stride=2, groups=batch)
        made = made.unflatten(1, (batch, -1)).flatten(0, 1)
        return upfirdn2d(made, kernel, padding=(1, 1, 1, 1), gain=4.0)
    made = F.conv2d(merged, weights.flatten(0, 1), padding=size // 2, groups=batch)
    return made.unflatten(1, (batch, -1)).flatten(0, 1)
