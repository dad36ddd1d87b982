"""Heavy changes of a portrait's appearance that keep its geometry and pose.

The encoder must read a painting, a drawing or a statue as the photo of the same head from the same side. It
never sees the art domains; it sees photos and random styles after these changes, so that only shape counts.
Every function takes pictures `[B, 3, H, W]` in [-1, 1] and returns the same; randomness comes from one
generator.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.colour import luma


def uniform(x: Tensor, low: float, high: float, rng: torch.Generator, channels: int = 1) -> Tensor:
    """One uniform number per picture (and channel), `[B, channels, 1, 1]`."""
    u = torch.rand(x.shape[0], channels, 1, 1, generator=rng, dtype=torch.float32).to(x)
    return low + (high - low) * u


def edges(x: Tensor) -> Tensor:
    """Strength of edges of the luma, about 0..1, `[B, 1, H, W]`."""
    light = F.pad(luma(x), (1, 1, 1, 1), mode="replicate")
    across = light[..., 1:-1, 2:] - light[..., 1:-1, :-2]
    down = light[..., 2:, 1:-1] - light[..., :-2, 1:-1]
    return (across.square() + down.square()).sqrt()


def recolor(x: Tensor, rng: torch.Generator) -> Tensor:
    """A random 3x3 colour matrix near or far from the identity, and a tint."""
    b = x.shape[0]
    mix = torch.randn(b, 3, 3, generator=rng).to(x) * uniform(x, 0.05, 0.6, rng).view(b, 1, 1)
    out = torch.einsum("bij,bjhw->bihw", torch.eye(3).to(x) + mix, x)
    return out + 0.25 * (uniform(x, -1, 1, rng, channels=3))


def tone(x: Tensor, rng: torch.Generator) -> Tensor:
    """Contrast, brightness and gamma."""
    y = ((x + 1) / 2).clamp(1e-4, 1)
    y = y ** torch.exp(uniform(x, -0.8, 0.8, rng))
    return (2 * y - 1) * uniform(x, 0.4, 1.5, rng) + uniform(x, -0.35, 0.35, rng)


def grey(x: Tensor, rng: torch.Generator) -> Tensor:
    """Greyscale with a random warm or cold tone (statues, drawings, old photos)."""
    tint = 1 + uniform(x, -0.2, 0.2, rng, channels=3)
    return ((luma(x) + 1) * tint - 1).expand_as(x)


def invert(x: Tensor, rng: torch.Generator) -> Tensor:
    """The negative."""
    return -x


def posterise(x: Tensor, rng: torch.Generator) -> Tensor:
    """Few levels of each colour, as in a cel-shaded cartoon."""
    levels = torch.floor(uniform(x, 2, 7, rng))
    return torch.round((x + 1) / 2 * levels) / levels * 2 - 1


def drawing(x: Tensor, rng: torch.Generator) -> Tensor:
    """Dark lines on light paper, with some of the tone left."""
    lines = (edges(x) * uniform(x, 2, 6, rng)).clamp(0, 1)
    shade = luma(x).clamp(-1, 1) * uniform(x, 0.0, 0.4, rng)
    paper = uniform(x, 0.5, 1.0, rng, channels=3)
    return paper * (1 - 1.8 * lines) + shade - 0.1


def outline(x: Tensor, rng: torch.Generator) -> Tensor:
    """Ink lines drawn over the picture."""
    lines = (edges(x) * uniform(x, 1, 4, rng) - 0.2).clamp(0, 1)
    return x * (1 - lines) + uniform(x, -1, -0.4, rng, channels=3) * lines


def hatch(x: Tensor, rng: torch.Generator) -> Tensor:
    """Strokes in one direction, the denser the darker the place."""
    height, width = x.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    angle = uniform(x, 0, torch.pi, rng)
    phase = (columns.to(x) * angle.cos() + rows.to(x) * angle.sin()) * uniform(x, 0.7, 2.2, rng)
    strokes = torch.sigmoid(6 * (torch.sin(phase) - luma(x) * 1.2))
    return x + (1 - uniform(x, 0.6, 1.8, rng) * strokes) * 0.5 - 0.3


def blur(x: Tensor, rng: torch.Generator) -> Tensor:
    """Box blur of random strength, applied twice (near Gaussian)."""
    soft = x
    for _ in range(2):
        soft = F.avg_pool2d(F.pad(soft, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    return torch.lerp(x, soft, uniform(x, 0.3, 1.0, rng))


def pixelate(x: Tensor, rng: torch.Generator) -> Tensor:
    """Square cells of one colour; one size of cells for the batch."""
    cells = int(torch.randint(22, 56, (1,), generator=rng))
    return F.interpolate(F.interpolate(x, (cells, cells), mode="area"), size=x.shape[-2:], mode="nearest")


def daub(x: Tensor, rng: torch.Generator) -> Tensor:
    """Paint strokes: the lightest or darkest of a neighbourhood spreads, and pixels wander."""
    size = int(torch.randint(1, 3, (1,), generator=rng)) * 2 + 1
    sign = torch.where(uniform(x, 0, 1, rng) < 0.5, -1.0, 1.0)
    spread = sign * F.max_pool2d(sign * x, size, stride=1, padding=size // 2)
    return wander(spread, rng)


def wander(x: Tensor, rng: torch.Generator) -> Tensor:
    """Small smooth random displacement of the pixels, up to about 2 % of the side."""
    b, _, height, width = x.shape
    coarse = torch.randn(b, 2, 12, 12, generator=rng).to(x) * uniform(x, 0.0, 0.02, rng)
    shift = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    base = F.affine_grid(torch.eye(2, 3).to(x).expand(b, 2, 3), (b, 1, height, width), align_corners=False)
    return F.grid_sample(x, base + shift.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def grain(x: Tensor, rng: torch.Generator) -> Tensor:
    """Noise, fine or coarse."""
    height, width = x.shape[-2:]
    scale = int(torch.randint(1, 4, (1,), generator=rng))
    noise = torch.randn(x.shape[0], 3, height // scale, width // scale, generator=rng).to(x)
    noise = F.interpolate(noise, size=(height, width), mode="nearest")
    return x + noise * uniform(x, 0.02, 0.25, rng)


def backdrop(x: Tensor, rng: torch.Generator) -> Tensor:
    """Another colour for everything that is nearly white (the background of the pocket photos)."""
    white = ((x.amin(1, keepdim=True) - 0.9) / 0.08).clamp(0, 1)
    return torch.lerp(x, uniform(x, -1, 1, rng, channels=3).expand_as(x), white)


CHANGES: tuple[tuple[Callable[[Tensor, torch.Generator], Tensor], float], ...] = (
    (backdrop, 0.35),
    (daub, 0.2),
    (wander, 0.15),
    (blur, 0.25),
    (recolor, 0.45),
    (tone, 0.5),
    (grey, 0.2),
    (posterise, 0.2),
    (hatch, 0.12),
    (drawing, 0.15),
    (outline, 0.2),
    (invert, 0.06),
    (pixelate, 0.2),
    (grain, 0.35),
)
"""Change and the share of pictures that get it, in the order in which they are applied."""


def change_appearance(x: Tensor, rng: torch.Generator, strength: float = 1.0) -> Tensor:
    """Applies a random subset of `CHANGES` to every picture.

    Args:
        x: `[B, 3, H, W]` in [-1, 1].
        rng: source of randomness, on the CPU.
        strength: factor on the shares; 0 leaves the pictures alone.

    Returns:
        `[B, 3, H, W]` in [-1, 1].
    """
    out = x.clone()
    for change, share in CHANGES:
        chosen = (
            torch.nonzero(torch.rand(x.shape[0], generator=rng) < share * strength).flatten().to(x.device)
        )
        if len(chosen):
            out[chosen] = change(out[chosen], rng).clamp(-1, 1)
    return out
