"""How the step size changes over a run."""

from __future__ import annotations

import math


def ramp(t: float, up: float, down: float) -> float:
    """Factor on the step size at time `t` in 0..1: linear rise, flat, cosine fall (docs/method.md#inversion).

    Args:
        up, down: shares of the run over which it rises and falls; 0 for neither.
    """
    fall = 1.0 if down <= 0 else min(1.0, (1.0 - t) / down)
    rise = 1.0 if up <= 0 else min(1.0, t / up)
    return (0.5 - 0.5 * math.cos(math.pi * fall)) * rise
