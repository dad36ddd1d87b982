"""The photo domain, eight art domains and random looks: each is a shape, a look of shading, and a palette."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np

from ..errors import ITPortraitError
from .attributes import Attributes
from .heads import Shape
from .looks import WideStyle
from .palettes import palette_of, tinted

LOOK_FIELDS = (
    "bands", "band_count", "ambient", "sun", "gloss", "grain", "blush", "pupil", "blank", "dark",
    "lines", "vein", "blotch", "scar", "stroke", "hatch", "saturation", "contrast", "lift", "ink", "cells",
    "levels",
)  # fmt: skip
LOOK = np.dtype([(name, np.float64) for name in LOOK_FIELDS])


@dataclass(frozen=True)
class Look:
    """Shading of a style. Amounts lie in 0..1 and factors about 1 unless said otherwise."""

    bands: float = 0.0  # how far light is cut into flat bands
    band_count: float = 3.0  # number of bands
    ambient: float = 1.0  # factor on skylight
    sun: float = 1.0  # factor on the main light
    gloss: float = 1.0  # factor on highlights
    grain: float = 1.0  # texture of skin, hair and cloth
    blush: float = 1.0  # factor on rosy cheeks
    pupil: float = 1.0  # factor on pupil size
    blank: float = 0.0  # eyes without iris
    dark: float = 0.0  # dark eye sockets
    lines: float = 1.0  # factor on wrinkles
    vein: float = 0.0  # veins of stone
    blotch: float = 0.0  # patches of skin
    scar: float = 0.0  # stitched scars
    stroke: float = 0.0  # width of brush strokes, world units
    hatch: float = 0.0  # graphite hatching
    saturation: float = 1.0  # factor on colourfulness
    contrast: float = 1.0  # factor on contrast
    lift: float = 0.0  # added brightness
    ink: float = 0.0  # outlines in the picture
    cells: float = 0.0  # size of square cells in the picture, as a fraction of its width; 0 is none
    levels: float = 0.0  # number of colour levels in the picture; 0 is all


@dataclass(frozen=True)
class Style:
    """One art: `tint(palette [B,10,3], attributes) -> palette` recolours materials."""

    shape: Shape = field(default_factory=Shape)
    look: Look = field(default_factory=Look)
    tint: str = "plain"


@dataclass(frozen=True)
class RandomStyle:
    """A look and shape that is none of the named ones, different for every portrait of a batch."""

    seed: int


_ART = {
    "photo": Style(),
    "cartoon": Style(
        Shape(eye=1.28, eye_tall=1.15, iris=1.08, nose=0.8, nose_wide=1.1, jaw=0.98, brow=1.35, ear=1.1,
              hair=1.2),
        Look(bands=1.0, band_count=3, ambient=1.0, sun=1.0, grain=0.0, lines=0.7, blush=1.5, gloss=1.0,
             saturation=1.35,
             contrast=1.05, lift=0.03, ink=1.0),
        "bright",
    ),
    "sketch": Style(
        Shape(nose=1.05, brow=1.15),
        Look(hatch=1.0, grain=1.6, saturation=0.0, contrast=1.12, lift=0.12, gloss=1.0, ambient=0.85,
             sun=1.2, ink=0.7),
    ),
    "oil": Style(
        Shape(nose=1.08, eye=0.96, cheek=0.003),
        Look(stroke=0.013, saturation=1.22, contrast=1.16, ambient=0.80, sun=1.10, blush=1.8, grain=0.8,
             gloss=1.8),
        "warm",
    ),
    "marble": Style(
        Shape(brow=0.6, nose=1.06, hair=1.05),
        Look(vein=1.0, blank=1.0, grain=0.35, blush=0.0, saturation=0.5, contrast=1.22, gloss=1.2,
             ambient=0.76, sun=0.98),
        "stone",
    ),
    "zombie": Style(
        Shape(cheek=-0.020, sunken=0.006, eye=1.06, iris=0.62, jaw=0.95, nose=0.72, nose_wide=1.15, brow=0.8,
              neck=0.85, hair=0.6),
        Look(blotch=1.0, scar=1.0, dark=0.85, pupil=0.8, blush=0.0, saturation=0.95, contrast=1.08, lift=0.0,
             gloss=0.5, ambient=1.0),
        "undead",
    ),
    "pixel": Style(
        Shape(eye=1.35, eye_tall=1.15, iris=1.15, brow=1.7, nose=0.85),
        Look(bands=0.9, band_count=3, grain=0.0, saturation=1.25, contrast=1.15, cells=3 / 128, levels=7,
             gloss=0.8,
             lines=0.5, ink=0.25),
        "bright",
    ),
    "anime": Style(
        Shape(eye=1.62, eye_tall=1.42, iris=1.30, nose=0.42, nose_wide=0.42, mouth=0.66, jaw=0.82, chin=0.92,
              cheek=-0.004, ear=0.75, brow=0.75, neck=0.78, hair=1.35, cranium=1.02),
        Look(bands=1.0, band_count=2, ambient=1.0, sun=0.95, grain=0.0, lines=0.0, blush=2.0, gloss=1.6,
             pupil=1.05,
             saturation=1.25, lift=0.04, ink=0.6),
        "vivid",
    ),
    "caricature": Style(
        Shape(cranium=1.13, jaw=0.68, chin=0.86, nose=1.75, nose_wide=1.40, ear=1.7, eye=1.18, mouth=1.22,
              brow=1.6,
              neck=0.55, cheek=0.006, hair=1.2),
        Look(saturation=1.3, contrast=1.08, blush=2.4, gloss=2.2, grain=0.7, ink=0.35, sun=1.1),
        "warm",
    ),
}  # fmt: skip

STYLES = tuple(_ART)


def _between(
    rng: np.random.Generator, low: float, high: float, count: int, chance: float, rest: float
) -> np.ndarray:
    return np.where(rng.random(count) < chance, rng.uniform(low, high, count), rest)


def _random(style: RandomStyle, count: int) -> tuple[Shape, np.ndarray, np.ndarray]:
    """(shape of arrays, looks [B], colour matrices [B, 10, 3, 4]) of a random style."""
    rng = np.random.default_rng(style.seed)
    spread = {"cheek": (-0.015, 0.010, 0.0), "sunken": (0.0, 0.006, 0.0), "eye": (0.85, 1.6, 1.0),
              "eye_tall": (0.9, 1.4, 1.0),
              "nose": (0.5, 1.7, 1.0), "nose_wide": (0.5, 1.5, 1.0), "jaw": (0.75, 1.08, 1.0),
              "cranium": (0.95, 1.12, 1.0),
              "neck": (0.65, 1.1, 1.0), "mouth": (0.7, 1.25, 1.0)}  # fmt: skip
    shape = {f.name: _between(rng, *spread.get(f.name, (0.75, 1.3, 1.0))[:2], count, 0.6, spread.get(f.name,
             (0, 0, 1.0))[2])
             for f in fields(Shape)}  # fmt: skip
    looks = np.zeros(count, LOOK)
    for f in fields(Look):
        looks[f.name] = f.default
    extent = {"bands": (0, 1, 0.4), "band_count": (2, 5, 1), "ambient": (0.75, 1.25, 1), "sun": (0.6, 1.3, 1),
              "gloss": (0, 2.5, 1), "grain": (0, 1.6, 0.7), "blush": (0, 3, 0.7), "blank": (0.5, 1, 0.12),
              "dark": (0, 0.7, 0.25), "vein": (0, 1.2, 0.2), "blotch": (0, 1, 0.2), "scar": (0, 1, 0.08),
              "lines": (0, 1.3, 0.5),
              "stroke": (0.003, 0.012, 0.3), "hatch": (0.2, 1, 0.2), "saturation": (0, 2, 0.8),
              "pupil": (0.6, 1.3, 1),
              "contrast": (0.75, 1.4, 0.8), "lift": (-0.08, 0.12, 0.7), "ink": (0.2, 1, 0.35),
              "cells": (0.012, 0.03, 0.12),
              "levels": (3, 8, 0.12)}  # fmt: skip
    for name, (low, high, chance) in extent.items():
        looks[name] = _between(rng, low, high, count, chance, looks[name])
    mix = np.zeros((count, 10, 3, 4))
    mix[..., :3] = np.eye(3) + rng.normal(0, 0.25, (count, 1, 3, 3)) + rng.normal(0, 0.15, (count, 10, 3, 3))
    mix[..., 3] = rng.normal(0, 0.10, (count, 1, 3)) + rng.normal(0, 0.12, (count, 10, 3))
    mix[rng.random(count) < 0.25] *= 0.35
    mix[..., 3] += np.where(np.abs(mix[..., :3].sum((-1, -2))) < 1.5, 0.3, 0.0)[..., None]
    return Shape(**shape), looks, mix


def look_defaults() -> dict[str, float]:
    """Every field of `Look` with the photo's value."""
    return asdict(Look())


def _wide(style: WideStyle, palette: np.ndarray) -> tuple[Shape, np.ndarray, np.ndarray]:
    looks = np.zeros(len(palette), LOOK)
    for name, value in (look_defaults() | style.shading).items():
        looks[name] = value
    colors = np.einsum("mij,bmj->bmi", style.mix[..., :3], palette) + style.mix[..., 3]
    return style.shape, looks, np.clip(colors, 0.03, 0.97)


def resolve(a: Attributes, style: str | RandomStyle | WideStyle) -> tuple[Shape, np.ndarray, np.ndarray]:
    """Everything a renderer needs of a style.

    Returns:
        shape, looks [B] of dtype `LOOK`, palettes [B, 10, 3].

    Raises:
        ITPortraitError: for an unknown style name.
    """
    palette = palette_of(a)
    if isinstance(style, WideStyle):
        return _wide(style, palette)
    if isinstance(style, RandomStyle):
        shape, looks, mix = _random(style, len(a))
        colors = np.einsum("bmij,bmj->bmi", mix[..., :3], palette) + mix[..., 3]
        return shape, looks, np.clip(colors, 0.03, 0.97)
    if style not in _ART:
        raise ITPortraitError(
            f"Unknown style {style!r}; choose one of {', '.join(STYLES)}, or a RandomStyle(seed)."
        )
    art = _ART[style]
    looks = np.zeros(len(a), LOOK)
    for f in fields(Look):
        looks[f.name] = getattr(art.look, f.name)
    shape = replace(art.shape)
    return shape, looks, tinted(palette, art.tint)
