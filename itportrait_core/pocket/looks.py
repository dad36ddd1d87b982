"""Random looks without end: what the style prior learns from. None of them is one of the named arts.

A look is a shape, a shading and a recolouring, the same for every person who is drawn in it. Each number
has a range that is somewhat wider than what the named arts need; `strength` pulls shape and shading
towards the photo, so that looks near it occur as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from .heads import Shape

SHAPE_RANGES: dict[str, tuple[float, float]] = {
    "cranium": (0.92, 1.18), "jaw": (0.62, 1.15), "chin": (0.8, 1.2), "cheek": (-0.024, 0.012),
    "eye": (0.8, 1.75), "eye_tall": (0.85, 1.5), "iris": (0.55, 1.4), "sunken": (0.0, 0.008),
    "nose": (0.35, 1.9), "nose_wide": (0.38, 1.6), "mouth": (0.6, 1.35), "ear": (0.6, 1.85),
    "brow": (0.5, 1.9), "neck": (0.5, 1.15), "hair": (0.55, 1.45),
}  # fmt: skip
"""Smallest and largest value of each field of `Shape`."""
SHADING: dict[str, tuple[float, float, float]] = {
    "bands": (0.3, 1, 0.4), "band_count": (2, 5, 1), "ambient": (0.72, 1.25, 1), "sun": (0.6, 1.3, 1),
    "gloss": (0, 2.6, 1), "grain": (0, 1.7, 0.7), "blush": (0, 3, 0.7), "pupil": (0.6, 1.3, 1),
    "blank": (0.5, 1, 0.12), "dark": (0, 1, 0.25), "lines": (0, 1.3, 0.5), "vein": (0.2, 1.3, 0.2),
    "blotch": (0.2, 1.1, 0.2), "scar": (0.3, 1, 0.12), "stroke": (0.003, 0.015, 0.25),
    "hatch": (0.2, 1.1, 0.2),
    "saturation": (0.5, 1.7, 0.7), "contrast": (0.75, 1.4, 0.8), "lift": (-0.08, 0.14, 0.7),
    "ink": (0.2, 1, 0.4), "cells": (0.012, 0.03, 0.12), "levels": (3, 8, 0.15),
}  # fmt: skip
"""Smallest and largest value of each field of `Look`, and how often it differs from the photo's."""
PLAIN = Shape()
"""The photo's shape."""
MATERIALS = 10
"""Rows of a palette: skin, lips, iris, hair, brows, cloth, trim, frames, hat, white of the eye."""
PHOTO_SHARE = 0.08
"""One look in so many is the photo itself: a photo as style picture must change nobody."""
LUMA = np.array((0.299, 0.587, 0.114))


@dataclass(frozen=True)
class WideStyle:
    """A random look, the same for every portrait of a batch."""

    seed: int

    @cached_property
    def _drawn(self) -> tuple[dict[str, float], dict[str, float], np.ndarray]:
        return _draw(np.random.default_rng([7, self.seed]))

    @property
    def shape(self) -> Shape:
        """How it deforms a head."""
        return Shape(**self._drawn[0])

    @property
    def shading(self) -> dict[str, float]:
        """Fields of `Look` that differ from the photo's."""
        return self._drawn[1]

    @property
    def mix(self) -> np.ndarray:
        """[10, 3, 4]: new colour of a material = mix[:, :3] @ colour + mix[:, 3]."""
        return self._drawn[2]

    def vector(self, photo_look: dict[str, float]) -> np.ndarray:
        """The look as numbers of about unit size, 0 for the photo: [157].

        Args:
            photo_look: every field of `Look` with the photo's value.
        """
        shape = [
            (getattr(self.shape, f.name) - f.default) / _width(SHAPE_RANGES[f.name]) for f in fields(Shape)
        ]
        look = [
            (self.shading.get(name, value) - value) / _width(SHADING[name][:2])
            for name, value in photo_look.items()
        ]
        neutral = np.concatenate([np.eye(3), np.zeros((3, 1))], axis=1)
        return np.concatenate([shape, look, (2 * (self.mix - neutral)).ravel()]).astype(np.float32)


def _width(limits: tuple[float, float]) -> float:
    return 0.5 * (limits[1] - limits[0])


def _draw(rng: np.random.Generator) -> tuple[dict[str, float], dict[str, float], np.ndarray]:
    if rng.random() < PHOTO_SHARE:
        return {}, {}, np.tile(np.eye(3, 4), (MATERIALS, 1, 1))
    strength = rng.uniform(0.1, 0.5) if rng.random() < 0.2 else 1.0
    chance = rng.choice([0.0, 0.6, 1.0], p=[0.15, 0.55, 0.3])
    shape = {}
    for f in fields(Shape):
        low, high = SHAPE_RANGES[f.name]
        plain = getattr(PLAIN, f.name)
        if rng.random() < chance:
            shape[f.name] = plain + strength * (rng.uniform(low, high) - plain)
    shading = {}
    for name, (low, high, share) in SHADING.items():
        if rng.random() < share * (strength if strength < 1 else 1.0):
            shading[name] = float(rng.uniform(low, high))
    if rng.random() < 0.12:
        shading["saturation"] = float(rng.uniform(0, 0.3))
    return shape, shading, _recolouring(rng, strength)


def _recolouring(rng: np.random.Generator, strength: float) -> np.ndarray:
    """[10, 3, 4]. Of five kinds: free, mild, one colour for all, one for the skin, more vivid."""
    kind = rng.choice(["free", "mild", "one", "skin", "vivid"], p=[0.35, 0.2, 0.15, 0.15, 0.15])
    spread = {"free": 1.0, "mild": 0.3, "one": 0.3, "skin": 0.4, "vivid": 0.15}[kind] * strength
    mix = np.zeros((MATERIALS, 3, 4))
    mix[..., :3] = np.eye(3) + spread * (rng.normal(0, 0.25, (3, 3)) + rng.normal(0, 0.15, (MATERIALS, 3, 3)))
    mix[..., 3] = spread * (rng.normal(0, 0.10, 3) + rng.normal(0, 0.12, (MATERIALS, 3)))
    if kind == "vivid":
        amount, gain = rng.uniform(1.0, 1.7), rng.uniform(0.9, 1.2)
        vivid = gain * (amount * np.eye(3) + (1 - amount) * np.broadcast_to(LUMA, (3, 3)))
        rows = slice(0, MATERIALS) if rng.random() < 0.5 else slice(2, 5)
        mix[rows, :, :3] = vivid @ mix[rows, :, :3]
    if kind in ("one", "skin"):
        rows = slice(0, MATERIALS) if kind == "one" else slice(0, 2)
        amount, keep = strength * rng.uniform(0.5, 1.0), rng.uniform(0.0, 0.6)
        colour, keeps_light = rng.uniform(0.1, 0.95, 3), np.broadcast_to(LUMA, (3, 3)) * keep
        target = np.zeros((3, 4))
        target[:, :3], target[:, 3] = keeps_light, colour * (1 - 0.5 * keep)
        mix[rows] = (1 - amount) * mix[rows] + amount * target
        if kind == "skin" and rng.random() < 0.7:
            for row in (2, 3, 9):  # iris, hair, white of the eye in a colour of their own
                if rng.random() < 0.4:
                    mix[row] = 0.1 * mix[row]
                    mix[row, :, 3] += rng.uniform(0.05, 0.95, 3)
    return mix
