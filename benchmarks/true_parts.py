"""Which pixels truly show a part of a pocket person, from the renderer that knows (needs numba)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from itportrait_core.networks.rays import make_rays, split_label
from itportrait_core.pocket import tracing
from itportrait_core.pocket.attributes import Attributes
from itportrait_core.pocket.heads import build_heads
from itportrait_core.pocket.paint import C_BROW, C_LIP
from itportrait_core.pocket.styles import resolve
from itportrait_core.pocket.surfaces import FRAME, HAIR, HAT

MATERIALS = {"hair": HAIR, "hat": HAT, "glasses": FRAME}
PAINTED = {"beard": C_BROW, "mouth": C_LIP}
"""Parts that are colours of the skin, by the row of the palette that they show."""
COLOURED = 0.06
"""Mean change of a pixel, of 1, between a white and a black row of the palette, above which it shows it."""
RAYS = 2
"""Rays along a side of a pixel."""


def part_mask(person: Attributes, labels: Tensor, part: str, size: int) -> Tensor:
    """[V, 1, size, size] in 0 or 1: where the views `labels [V, 25]` of one person show the part.

    Glasses are frames with what they enclose; a mouth is the lips and two pixels about them; a beard is what
    it covers of the skin below the nose.
    """
    if part in MATERIALS:
        covered = _trace(person, labels, size)[2] == MATERIALS[part]
    else:
        row, both = PAINTED[part], []
        for value in (0.0, 1.0):
            image, depth, _ = _trace(person, labels, size, (row, value))
            both.append(image)
        covered = (np.abs(both[1] - both[0]).mean(-1) > COLOURED) & _near_mouth(person, labels, depth, part)
    share = covered.reshape(len(labels), size, RAYS, size, RAYS).mean((2, 4))
    mask = torch.from_numpy(share > 0.5).float()[:, None]
    if part == "glasses":
        return torch.stack([_filled(one) for one in mask])
    return grown(mask, 2) if part == "mouth" else mask


def grown(mask: Tensor, pixels: int) -> Tensor:
    """A mask [V, 1, H, W] with a margin."""
    return F.max_pool2d(mask, 2 * pixels + 1, 1, pixels)


def _trace(
    person: Attributes, labels: Tensor, size: int, row: tuple[int, float] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, depth and material of every ray; `row` of the palette may be given another value."""
    shape, looks, palettes = resolve(person, "photo")
    if row is not None:
        palettes = palettes.copy()
        palettes[:, row[0]] = row[1]
    views, full = len(labels), size * RAYS
    every = np.zeros(views, dtype=int)
    image = np.ones((views, full, full, 3))
    depth = np.zeros((views, full, full))
    materials = np.full((views, full, full), -1, dtype=np.int64)
    cameras = np.asarray(labels, dtype=np.float64)
    heads = build_heads(person, shape)[every]
    tracing.renderer(False)(heads, palettes[every], looks[every], cameras, full, image, depth, materials)
    return image, depth, materials


def _near_mouth(person: Attributes, labels: Tensor, depth: np.ndarray, part: str) -> np.ndarray:
    """Rays that end below the nose; for a mouth, also no farther from it than lips reach."""
    head = build_heads(person, resolve(person, "photo")[0])[0]
    origins, directions = make_rays(*split_label(labels.double()), depth.shape[-1])
    points = origins + directions * torch.from_numpy(depth).reshape(len(labels), -1, 1)
    x, y = (points[..., axis].reshape(depth.shape).numpy() for axis in (0, 1))
    below = (depth > 0) & (y < head["nose_y"])
    if part == "beard":
        return below
    return below & (np.abs(y - head["mouth_y"]) < 0.05) & (np.abs(x) < 1.3 * head["mouth_w"])


def _filled(mask: Tensor) -> Tensor:
    """A mask [1, H, W] with what it encloses: all that cannot be reached from the border."""
    free = (mask == 0).float()
    outside = F.pad(torch.zeros_like(free)[:, 1:-1, 1:-1], (1, 1, 1, 1), value=1.0) * free
    while True:
        step = (
            F.max_pool2d(outside, (3, 1), 1, (1, 0)).maximum(F.max_pool2d(outside, (1, 3), 1, (0, 1))) * free
        )
        if torch.equal(step, outside):
            return 1 - outside
        outside = step
