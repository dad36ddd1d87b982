"""Measures the style prior on looks, people and cameras that training never saw."""

from __future__ import annotations

import torch
from torch import Tensor

from ...checkpoints.format import load_generator
from ...methods.style.instant import instant_style
from ...networks.generator3d import Generator3D
from ...rendering import cameras
from ..attributes import Z_DIM, attributes
from ..latents import normalise
from ..looks import WideStyle
from ..render import render
from ..styles import STYLES
from .preview import psnr
from .style_pairs import STYLE_PITCH, STYLE_YAW

LOOKS = 24
LOOK_SEED = 2**31
"""Looks from here on; training draws seeds below."""
PEOPLE, SEED = 3, 90017
"""Other people, each from another side, on whom a look is judged."""


def evaluate_style_prior() -> dict[str, str]:
    """Gain of instant style over the untrained generator, on unseen looks and on every named art."""
    generator = load_generator("pocket")
    looks = [WideStyle(LOOK_SEED + k) for k in range(LOOKS)]
    gains = torch.tensor([_gain(generator, look) for look in looks])
    rows = {
        f"{LOOKS} unseen looks: gain in PSNR on other people, mean (worst)": f"{gains.mean():+.2f} "
        f"({gains.min():+.2f}) dB"
    }
    for style in STYLES:
        name = "gain in PSNR on other people" if style != "photo" else "loss where the picture is a photo"
        rows[f"{style}: {name}"] = f"{_gain(generator, style):+.2f} dB"
    return rows


@torch.no_grad()
def _gain(generator: Generator3D, look: str | WideStyle) -> float:
    """PSNR of other people in the style of one picture, over that of the untrained generator."""
    rng = torch.Generator().manual_seed(SEED)
    latents = normalise(torch.randn(1 + PEOPLE, Z_DIM, generator=rng))
    sitter = cameras.sample_views(1, yaw=STYLE_YAW, pitch=STYLE_PITCH, rng=rng)
    labels = torch.cat([sitter, cameras.sample_views(PEOPLE, rng=rng)])
    truth = render(attributes(latents), labels, look, generator.resolution).image
    styled = instant_style(generator, truth[:1])
    ws = generator.mapping(latents[1:])

    def drawn(by: Generator3D) -> Tensor:
        parts = [by.synthesis(w, c).image for w, c in zip(ws.split(1), labels[1:].split(1), strict=True)]
        return torch.cat(parts).clamp(-1, 1)

    return float((psnr(drawn(styled), truth[1:]) - psnr(drawn(generator), truth[1:])).mean())
