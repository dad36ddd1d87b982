"""How pictures are changed before a CLIP or the LPIPS trunk sees them: moved, blurred, noisy, with holes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .appearance import blur, grain, tone, uniform
from .warps import move


@dataclass(frozen=True)
class Roughness:
    """How much pictures are changed before a CLIP sees them."""

    noise: float  # share of noisy pictures
    blur: float  # share of blurred pictures
    tone: float  # share of pictures with other contrast and brightness
    coarse: float  # share of pictures that are reduced and enlarged again
    hole: float  # share of pictures with a grey square


GUIDE = Roughness(noise=0.35, blur=0.2, tone=0.3, coarse=0.2, hole=0.12)
JUDGE = Roughness(noise=0.15, blur=0.15, tone=0.25, coarse=0.2, hole=0.05)


def roughen(x: Tensor, how: Roughness, rng: torch.Generator, strength: float = 1.0) -> Tensor:
    """Mirrored, moved and roughened pictures `[B, 3, S, S]` in [-1, 1]; `strength` scales the shares."""
    b = x.shape[0]
    u = torch.rand(4, b, generator=rng) * 2 - 1
    mirrored = (torch.rand(b, generator=rng) < 0.5).to(x.device)
    x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    x = move(x, u[0] * 8.0, u[1:3].t() * 0.04, torch.exp(0.12 + 0.22 * u[3]))
    out = x.clone()
    for change, share in (
        (_coarse, how.coarse),
        (blur, how.blur),
        (tone, how.tone),
        (grain, how.noise),
        (_hole, how.hole),
    ):
        chosen = torch.nonzero(torch.rand(b, generator=rng) < share * strength).flatten().to(x.device)
        if len(chosen):
            amount = uniform(out[chosen], 0.1, 0.6 if change is tone else 1.0, rng)
            out[chosen] = torch.lerp(out[chosen], change(out[chosen], rng), amount).clamp(-1, 1)
    return out


def roughness(progress: float) -> float:
    """Clean pictures first: a smile is a few pixels, and is not found under noise before it is known."""
    return min(max((progress - 0.2) / 0.3, 0.1), 1.0)


def _coarse(x: Tensor, rng: torch.Generator) -> Tensor:
    """Seen through a smaller picture."""
    side = int(torch.randint(36, 60, (1,), generator=rng))
    small = F.interpolate(x, size=(side, side), mode="area")
    return F.interpolate(small, size=x.shape[-2:], mode="bicubic", align_corners=False)


def _hole(x: Tensor, rng: torch.Generator) -> Tensor:
    """A square of one colour somewhere."""
    size = x.shape[-1]
    side = int(torch.randint(size // 8, size // 4, (1,), generator=rng))
    left, top = torch.randint(0, size - side, (2,), generator=rng).tolist()
    out = x.clone()
    out[:, :, top : top + side, left : left + side] = uniform(x, -1, 1, rng, channels=3)
    return out
