"""A mapping network that is built, not trained: its first outputs are the attributes of the latent.

Attributes of pocket portraits are known functions of single latent dimensions: smooth curves, and thresholds
(hat or no hat), some of which hold for one gender only. Gradient descent needs hours to find thresholds
through pictures. So the first layer bends at quantiles and at thresholds, the second makes the thresholds
steep and joins them with the gender, and the last is a least-squares fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from ...networks.ops import LRELU_SLOPE, SQRT2
from ...networks.stylegan2_layers import MappingNetwork
from ..attributes import BEARDS, DIMS, GLASSES, HAIR_COLORS, HAIR_STYLES, HATS, Z_DIM, Attributes, attributes
from ..latents import normalise
from ..palettes import palette_of

CATEGORIES = {
    "hair_style": len(HAIR_STYLES),
    "hair_color": len(HAIR_COLORS),
    "beard": len(BEARDS),
    "glasses": len(GLASSES),
    "hat": len(HATS),
}
CYCLES = ("clothes", "accent")
"""Attributes that are a position on a loop."""
COLOURED = (0, 1, 2, 3, 4, 5, 7, 8)
"""Rows of a palette that tell something new: not the trim of the clothes, and not the white of the eyes."""
GENDER = DIMS.index("gender")
SOFT, JOINED, SHARP = 2.5, 20.0, 25.0
"""Steepness of a threshold in the first layer, there for thresholds of one gender only, and in the second.

Gentle ones also help to draw the curves between thresholds, but where two are joined, both being near is
read as neither.
"""


def code(people: Attributes) -> Tensor:
    """Attributes as numbers [B, K] within about -1..1: categories one-hot, loops as waves, then colours."""
    columns: list[np.ndarray] = []
    for name in (f.name for f in fields(people)):
        value = np.asarray(getattr(people, name))
        if name in CATEGORIES:
            columns += [2.0 * (value == kind) - 1.0 for kind in range(CATEGORIES[name])]
            continue
        if name in CYCLES:
            turns = 2 * np.pi * value
            columns += [wave(k * turns) for k in (1, 2) for wave in (np.sin, np.cos)]
        columns.append(2.0 * value - 1.0 if value.dtype == bool else np.asarray(value, dtype=np.float64))
    colours = 3.0 * palette_of(people)[:, COLOURED].reshape(len(people), -1) - 1.5
    return torch.from_numpy(np.concatenate([np.stack(columns, axis=1), colours], axis=1)).float()


def thresholds(gender: float) -> list[tuple[int, float]]:
    """Latent dimensions and values at which some attribute jumps, for people of one gender's latent value."""
    grid = torch.special.ndtri((torch.arange(2000) + 0.5) / 2000)
    steps = []
    for dim in range(Z_DIM):
        latents = torch.zeros(len(grid), Z_DIM)
        latents[:, GENDER] = gender
        latents[:, dim] = grid
        step = code(attributes(latents)).diff(dim=0).abs().amax(dim=1) > 0.25
        steps += [(dim, float(grid[i] + grid[i + 1]) / 2) for i in step.nonzero()[:, 0].tolist()]
    return steps


def code_of_latents(latents: Tensor) -> Tensor:
    """Attribute code [B, K] of normalised latents [B, Z_DIM]."""
    return code(attributes(latents))


def _first_layer(
    knots: list[tuple[int, float]], joined: set[tuple[int, float]], width: int, z_dim: int
) -> tuple[Tensor, Tensor]:
    """Weights [width, z_dim] and bias: two units per threshold, the rest bends at quantiles."""
    weight, bias = torch.zeros(width, z_dim), torch.zeros(width)
    for i, (dim, place) in enumerate(knots):
        soft = JOINED if (dim, place) in joined else SOFT
        weight[2 * i : 2 * i + 2, dim] = soft
        bias[2 * i], bias[2 * i + 1] = 0.5 - soft * place, -0.5 - soft * place
    first = 2 * len(knots)
    unit = torch.arange(width - first)
    rank, rounds = unit // z_dim, math.ceil((width - first) / z_dim)
    sign = 1.0 - 2.0 * (rank % 2)
    weight[first + unit, unit % z_dim] = sign
    bias[first:] = -sign * torch.special.ndtri((rank + 0.5) / rounds)
    return weight, bias


def _second_layer(
    gates: list[list[tuple[int, float]]], first: int, width: int, z_dim: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Weights [width, width] and bias: two units per gate, the rest mixes the curves of one dimension.

    A gate is a list of (threshold, sign); it opens where all of them are passed. A soft threshold, the
    difference of its two units, runs from 0.2 to 1 (times sqrt 2).
    """
    weight, bias = torch.zeros(width, width), torch.zeros(width)
    for i, gate in enumerate(gates):
        limit = 0.0
        for knot, sign in gate:
            weight[2 * i : 2 * i + 2, 2 * knot] += sign * SHARP
            weight[2 * i : 2 * i + 2, 2 * knot + 1] -= sign * SHARP
            limit += sign * 0.6 * SQRT2 * SHARP
        limit += 0.4 * SQRT2 * SHARP * (len(gate) - 1)
        bias[2 * i], bias[2 * i + 1] = 0.5 - limit, -0.5 - limit
    start = 2 * len(gates)
    for unit in range(start, width):
        dim = (unit - start) % z_dim
        same = torch.arange(first + dim, width, z_dim)
        weight[unit, same] = torch.randn(len(same), generator=rng) / math.sqrt(len(same))
        bias[unit] = 0.5 * torch.randn((), generator=rng)
    return weight, bias


def store(layer: torch.nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Write effective weights into an equalised layer, whatever its multiplier; missing inputs get 0."""
    scale = math.sqrt(layer.weight.shape[1]) / layer.lr_multiplier
    layer.weight.zero_()
    layer.weight[:, : weight.shape[1]] = weight * scale
    layer.bias.copy_(bias / layer.lr_multiplier)


@torch.no_grad()
def build_mapping(
    mapping: MappingNetwork,
    seed: int = 0,
    pool: int = 20_000,
    code_of: Callable[[Tensor], Tensor] = code_of_latents,
) -> float:
    """Set the weights of a three-layer mapping network; returns the mean error of the code.

    Args:
        mapping: a network that ignores its label. Outputs beyond the code keep their mean value. Its latents
            begin with those of `attributes`.
        seed: of the latents of the fit.
        pool: number of latents of the fit.
        code_of: normalised latents [B, z_dim] -> what the outputs shall state [B, K], of the order of 1.
    """
    rng = torch.Generator().manual_seed(seed)
    woman, man = thresholds(-1.0), thresholds(1.0)
    knots = sorted({*woman, *man})
    gender = next(i for i, (dim, _) in enumerate(knots) if dim == GENDER)
    gates = [[(i, 1.0)] for i, knot in enumerate(knots) if (knot in woman) and (knot in man)]
    gates += [[(i, 1.0), (gender, -1.0)] for i, knot in enumerate(knots) if knot in woman and knot not in man]
    gates += [[(i, 1.0), (gender, 1.0)] for i, knot in enumerate(knots) if knot in man and knot not in woman]
    latents = normalise(torch.randn(pool, mapping.z_dim, generator=rng))
    label = torch.zeros(pool, mapping.c_dim)
    mean = mapping(latents[:2000], label[:2000])[:, 0].mean(dim=0)
    width = mapping.fc0.weight.shape[0]
    joined = {*woman} ^ {*man} | {knots[gender]}
    store(mapping.fc0, *_first_layer(knots, joined, width, mapping.z_dim))
    store(mapping.fc1, *_second_layer(gates, 2 * len(knots), width, mapping.z_dim, rng))
    hidden: list[Tensor] = []
    hook = mapping.fc1.register_forward_hook(lambda module, inputs, output: hidden.append(output))
    mapping(latents, label)
    hook.remove()
    wanted = code_of(latents)
    wanted = (wanted - wanted.mean(dim=0)) / wanted.std(dim=0).clamp_min(0.3)
    goal = torch.cat([wanted, mean[wanted.shape[1] :].expand(pool, -1)], dim=1) / SQRT2
    goal = torch.where(goal < 0, goal / LRELU_SLOPE, goal)  # the last layer ends with a leaky ReLU
    known = torch.cat([hidden[0], torch.ones(pool, 1)], dim=1).double()
    normal = known.T @ known + 1e-4 * pool * torch.eye(known.shape[1], dtype=torch.float64)
    fit = torch.linalg.solve(normal, known.T @ goal.double()).float()
    store(mapping.fc2, fit[:-1].T, fit[-1])
    steps = mapping(latents, label)[:, 0, : wanted.shape[1]]
    return float((steps - wanted).abs().mean())
