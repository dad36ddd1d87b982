"""A run's history as a picture: losses, delta against tau, the gate over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .history import History

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Curve = tuple[str, str, Sequence[tuple[float, float]]]
"""Name, colour, points (x, value)."""
Panel = tuple[str, list[Curve]]
"""Title and curves."""
COLORS = ("#2f6fb3", "#c9512d", "#3d8f5a", "#8a56ac", "#b08a1e", "#4aa3a8")
PAPER, INK, GRID, THRESHOLD = "#ffffff", "#333333", "#e3e3e3", "#8a8a8a"


def plot_history(history: History, width: int = 768, panel: int = 200) -> Tensor:
    """[1, 3, H, W] in [-1, 1]: one panel of losses and, after ITE steps, one of delta and one of gates."""
    panels = [("losses", loss_curves(history))]
    gates = gate_curves(history)
    if gates:
        panels += [
            ("distance delta and threshold tau", delta_curves(history)),
            ("gate: 0 text, 1 image", gates),
        ]
    last = max((record.step for record in history), default=1) or 1
    return plot_panels(panels, width, panel, last)


def plot_panels(panels: Sequence[Panel], width: int = 768, panel: int = 200, last: float = 0.0) -> Tensor:
    """[1, 3, H, W] in [-1, 1]: panels one below the other, x from 0 to `last` (0: each to its own end)."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (width, panel * len(panels)), PAPER)
    pen = ImageDraw.Draw(picture)
    for row, (title, curves) in enumerate(panels):
        end = last or max((x for _, _, points in curves for x, _ in points), default=1.0) or 1.0
        _draw_panel(pen, (0, row * panel, width, (row + 1) * panel), title, curves, end)
    data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return data.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2).float() / 127.5 - 1


def loss_curves(history: History) -> list[Curve]:
    """One curve per loss name."""
    names = sorted({name for record in history for name in record.losses})
    return [(name, COLORS[k % len(COLORS)], history.column(name)) for k, name in enumerate(names)]


def delta_curves(history: History) -> list[Curve]:
    """delta and tau of every CLIP model."""
    models = sorted({model for record in history for model in record.delta})
    curves: list[Curve] = []
    for k, model in enumerate(models):
        color = COLORS[k % len(COLORS)]
        curves.append((model, color, [(r.step, r.delta[model]) for r in history if model in r.delta]))
        limits = [(r.step, r.tau[model]) for r in history if model in r.tau]
        curves.append(("" if k else "tau", THRESHOLD, limits))
    return curves


def gate_curves(history: History) -> list[Curve]:
    """Mean gamma of every ITE step."""
    points = [(r.step, sum(r.gate.values()) / len(r.gate)) for r in history if r.gate]
    return [("gate", COLORS[0], points)] if points else []


def _draw_panel(
    pen: ImageDraw, box: tuple[int, int, int, int], title: str, curves: Sequence[Curve], last: float
) -> None:
    left, top, right, bottom = box[0] + 52, box[1] + 22, box[2] - 12, box[3] - 14
    values = [value for _, _, points in curves for _, value in points]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) or 1.0

    def place(x: float, value: float) -> tuple[float, float]:
        return left + (right - left) * x / last, bottom - (bottom - top) * (value - low) / room

    for share in (0.0, 0.5, 1.0):
        level = bottom - (bottom - top) * share
        pen.line([(left, level), (right, level)], fill=GRID)
        pen.text((box[0] + 4, level - 6), f"{low + room * share:.3g}", fill=INK)
    x = left
    pen.text((x, box[1] + 4), title, fill=INK)
    x += 8 * len(title)
    for name, color, points in curves:
        if len(points) > 1:
            pen.line([place(*point) for point in points], fill=color, width=2)
        elif points:
            pen.point(place(*points[0]), fill=color)
        pen.text((x, box[1] + 4), name, fill=color)
        x += 8 * len(name) + 8
