"""The gate of Eq. 9: when the image's direction is followed, and when the text's (docs/method.md#gate)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import ITEConfig

Embeddings = list[list[Tensor]]
"""Per view, per CLIP model: [B, D] as the network gives them."""


def distance(measure: str, style_embedding: Tensor, source_embedding: Tensor) -> Tensor:
    """Distance of embeddings [N, D] (as CLIP gives them, not normalised), one per row [N].

    `l2_unit`: length of the difference of unit vectors, the authors' reading of Delta I in Eq. 9.
    """
    if measure == "l2_raw":
        return (style_embedding - source_embedding).norm(dim=-1)
    a, b = F.normalize(style_embedding, dim=-1), F.normalize(source_embedding, dim=-1)
    chord = (a - b).norm(dim=-1)
    if measure == "l2_unit":
        return chord
    if measure == "cosine_distance":
        return chord.square() / 2
    return 2 * torch.asin((chord / 2).clamp(max=1.0))


def mean_distances(measure: str, style_embedding: Embeddings, source_embedding: Embeddings) -> list[float]:
    """delta of Eq. 9 per CLIP model: mean distance over samples and views."""
    views = zip(style_embedding, source_embedding, strict=True)
    pairs = zip(*(zip(a, b, strict=True) for a, b in views), strict=True)
    return [float(torch.cat([distance(measure, a, b) for a, b in model]).mean()) for model in pairs]


def convert_tau(tau: float, measure: str, norm: float = 1.0) -> float:
    """A threshold on `l2_unit` in another measure's unit: 0.7 -> 0.245 cosine distance, 0.715 rad.

    Args:
        norm: typical length of raw embeddings, for `l2_raw`.
    """
    if measure == "cosine_distance":
        return tau * tau / 2
    if measure == "angle":
        return 2 * math.asin(min(1.0, tau / 2))
    return tau * norm if measure == "l2_raw" else tau


@dataclass(frozen=True)
class Gate:
    """gamma of one step, per CLIP model, with what decided it."""

    gamma: list[float]
    delta: list[float]
    tau: list[float]
    draw: list[int]


def hard_gamma(delta: float, tau: float, draw: int, xi: int, strict: bool = False) -> float:
    """Eq. 9: 0 (text) while delta <= tau, 0 where the draw from 1..100 is <= xi, else 1 (image)."""
    compensated = draw < xi if strict else draw <= xi
    return 0.0 if delta <= tau or compensated else 1.0


def soft_gamma(delta: float, tau: float, xi: int, softness: float) -> float:
    """The mean of Eq. 9 over the draw, with a sigmoid of width `softness` in place of the step."""
    x = (delta - tau) / softness
    open_share = 1 / (1 + math.exp(-x)) if x > -60 else 0.0
    return open_share * (1 - xi / 100)


def decide(config: ITEConfig, deltas: list[float], taus: list[float], rng: torch.Generator) -> Gate:
    """One decision per CLIP model, or one for all of them from the mean distance (`gate_scope`).

    Always draws the same number of integers, so that later draws do not depend on the decision.
    """
    shared = config.gate_scope == "shared"
    rolls = torch.randint(1, 101, (1 if shared else len(deltas),), generator=rng).tolist()
    if shared:
        count = len(deltas)
        mean_delta, mean_tau = sum(deltas) / count, sum(taus) / count
        gamma = [_gamma(config, mean_delta, mean_tau, rolls[0])] * count
        rolls = rolls * count
    else:
        gamma = [_gamma(config, d, t, roll) for d, t, roll in zip(deltas, taus, rolls, strict=True)]
    return Gate(gamma, deltas, taus, rolls)


def _gamma(config: ITEConfig, delta: float, tau: float, draw: int) -> float:
    if config.gate == "soft":
        return soft_gamma(delta, tau, config.xi, config.softness)
    if config.gate in ("bisector", "joint"):
        return 0.5
    return hard_gamma(delta, tau, draw, config.xi, config.xi_strict)
