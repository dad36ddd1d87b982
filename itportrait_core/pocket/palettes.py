"""Colours of skin, hair, clothes and accessories, and how the arts repaint them."""

from __future__ import annotations

import numpy as np

from .attributes import Attributes

_SKIN = np.array(
    [(0.96, 0.80, 0.70), (0.91, 0.69, 0.55), (0.76, 0.53, 0.38), (0.55, 0.36, 0.24), (0.34, 0.21, 0.15)]
)
_IRIS = np.array(
    [(0.30, 0.52, 0.78), (0.35, 0.58, 0.50), (0.42, 0.50, 0.24), (0.48, 0.30, 0.13), (0.24, 0.13, 0.07)]
)
_HAIR = np.array([
    (0.075, 0.065, 0.070), (0.33, 0.19, 0.105), (0.86, 0.66, 0.33), (0.72, 0.25, 0.085), (0.70, 0.70, 0.72),
    (0.15, 0.33, 0.80),
])  # fmt: skip
_CLOTHES = np.array([
    (0.18, 0.30, 0.62), (0.15, 0.50, 0.55), (0.24, 0.50, 0.30), (0.88, 0.74, 0.28), (0.88, 0.50, 0.20),
    (0.72, 0.18, 0.20), (0.46, 0.26, 0.55), (0.90, 0.89, 0.86), (0.16, 0.17, 0.20),
])  # fmt: skip
_HATS = np.array(
    [(0.62, 0.16, 0.18), (0.16, 0.26, 0.48), (0.78, 0.66, 0.46), (0.20, 0.40, 0.34), (0.20, 0.19, 0.21)]
)
_FRAMES = np.array([(0.06, 0.06, 0.07), (0.30, 0.12, 0.07), (0.55, 0.10, 0.12), (0.10, 0.12, 0.30)])


def _ramp(colors: np.ndarray, t: np.ndarray) -> np.ndarray:
    s = np.clip(t, 0, 1) * (len(colors) - 1)
    k = np.minimum(s.astype(int), len(colors) - 2)
    return colors[k] + (colors[k + 1] - colors[k]) * (s - k)[:, None]


def _nearest(colors: np.ndarray, t: np.ndarray) -> np.ndarray:
    return colors[np.minimum((t * len(colors)).astype(int), len(colors) - 1)]


def palette_of(a: Attributes) -> np.ndarray:
    """Natural colours [B, 10, 3] in the row order of `paint.py`."""
    skin, hair = _ramp(_SKIN, a.skin_tone), _HAIR[a.hair_color] * (1 + 0.16 * a.hair_shade[:, None])
    lip = skin * (0.70, 0.46, 0.46) + np.array((0.22, 0.06, 0.08)) * (0.65 + 0.5 * a.female[:, None])
    brow = 0.62 * hair + 0.06 * skin
    cloth = _nearest(_CLOTHES, a.clothes)
    trim = cloth * 0.80
    sclera = np.broadcast_to((0.95, 0.945, 0.93), skin.shape)
    rows = (skin, lip, _ramp(_IRIS, a.iris), hair, brow, cloth, trim, _nearest(_FRAMES, a.accent),
            _nearest(_HATS, a.accent), sclera)  # fmt: skip
    return np.clip(np.stack(rows, 1), 0.02, 0.98)


def _saturated(p: np.ndarray, amount: float, gain: float = 1.0) -> np.ndarray:
    grey = p.mean(-1, keepdims=True)
    return np.clip((grey + (p - grey) * amount) * gain, 0.02, 0.98)


def tinted(p: np.ndarray, tint: str) -> np.ndarray:
    """Colours [B, 10, 3] as an art repaints them: stone, undead, bright, vivid, warm, or plain."""
    p = p.copy()
    if tint == "stone":
        tone = 0.84 + 0.06 * (p.mean(-1, keepdims=True) - 0.5)
        p = tone * np.array((1.0, 0.985, 0.96))
    elif tint == "undead":
        grey = p[:, :2].mean(-1, keepdims=True)
        p[:, :2] = (0.25 + 0.50 * grey) * np.array((0.80, 1.02, 0.70))
        p[:, 1] *= (0.62, 0.50, 0.62)
        p[:, 2] = (0.80, 0.78, 0.40)
        p[:, 3:9] = _saturated(p[:, 3:9], 0.60, 0.85)
        p[:, 9] = (0.93, 0.90, 0.74)
    elif tint == "bright":
        p = _saturated(p, 1.15, 1.06)
    elif tint == "vivid":
        p[:, 0] = 0.35 * np.array((1.0, 0.90, 0.84)) + 0.65 * p[:, 0]
        p[:, 2:5] = _saturated(p[:, 2:5], 1.6, 1.15)
    elif tint == "warm":
        p = np.clip(p * (1.04, 0.98, 0.92), 0.02, 0.98)
    return p
