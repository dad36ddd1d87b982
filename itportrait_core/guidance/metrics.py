"""How close two pictures are: the columns of the paper's Table 2, for nodes, benchmarks and tests."""

from __future__ import annotations

import torch
from torch import Tensor

from ..networks.arcface import IdentityNet, identity_similarity
from .perceptual import Perceptual


def mse(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared error per sample [B] of pictures [B,3,H,W] in [-1,1], on the scale of [0,1]."""
    return (_unit(first) - _unit(second)).square().mean(dim=(1, 2, 3))


def psnr(first: Tensor, second: Tensor) -> Tensor:
    """Peak signal-to-noise ratio per sample [B], decibels; at most 100."""
    from kornia.metrics import psnr as ratio

    pairs = zip(_unit(first), _unit(second), strict=True)
    values = [
        ratio(a[None], b[None], 1.0) if not torch.equal(a, b) else a.new_tensor(100.0) for a, b in pairs
    ]
    return torch.stack(values).clamp(max=100.0)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity per sample [B]: 11 x 11 Gaussian window of 1.5 px."""
    from kornia.metrics import ssim as similarity

    return similarity(_unit(first), _unit(second), 11, max_val=1.0).mean(dim=(1, 2, 3))


@torch.no_grad()
def compare(
    image: Tensor, target: Tensor, perceptual: Perceptual | None = None, identity: IdentityNet | None = None
) -> dict[str, float]:
    """MSE, SSIM, PSNR, and LPIPS and ID where their networks are given; means over the batch.

    Args:
        image, target: [B,3,H,W] in [-1,1], in the EG3D frame.
    """
    image = image.clamp(-1, 1)
    out = {"mse": mse(image, target), "ssim": ssim(image, target), "psnr": psnr(image, target)}
    if perceptual is not None:
        out["lpips"] = perceptual(image, target)
    if identity is not None:
        out["id"] = identity_similarity(identity, image, target, "eg3d")
    return {name: float(value.mean()) for name, value in out.items()}


def _unit(image: Tensor) -> Tensor:
    return ((image + 1) / 2).clamp(0, 1)
