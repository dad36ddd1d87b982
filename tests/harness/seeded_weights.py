"""Seeded test weights and inputs, so that golden numbers need no stored weights.

Weights follow from a table of names and shapes and a seed: sorted keys, one `numpy.random.RandomState`, one
draw per tensor, scaled by a rule on the name. The golden files in `tests/data/networks` hold what the public
originals make of seed 101.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

DATA = Path(__file__).resolve().parents[1] / "data"
SEED = 101
Table = tuple[tuple[str, tuple[int, ...], str], ...]


@cache
def read_table(name: str) -> Table:
    """(key, shape, dtype) of every tensor of a published file: `tests/data/keys/<name>.csv`."""
    with open(DATA / "keys" / f"{name}.csv", newline="") as file:
        return tuple(
            (row["key"], _shape(row["shape"]), row.get("dtype", "float32")) for row in csv.DictReader(file)
        )


def golden(name: str) -> dict[str, Tensor]:
    """Stored outputs of one of the public originals."""
    return load_file(DATA / "networks" / f"{name}.safetensors")


def weights(table: str, prefix: str = "", seed: int = SEED) -> dict[str, Tensor]:
    """The seeded state dict of a table; `prefix` is cut off the keys."""
    return {key.removeprefix(prefix): value for key, value in draw(read_table(table), seed)}


def draw(table: Table, seed: int = SEED) -> Iterator[tuple[str, Tensor]]:
    """Seeded tensors of a table, one at a time, in sorted order of the keys."""
    random = np.random.RandomState(seed)
    for key, shape, dtype in sorted(table):
        if dtype == "int64":
            yield key, torch.zeros(shape, dtype=torch.int64)
        else:
            value = np.asarray(_values(key, shape, random), np.float32).reshape(shape)
            yield key, torch.from_numpy(value)


def normal(number: int, shape: tuple[int, ...], scale: float = 1.0, seed: int = SEED) -> Tensor:
    """Numbered normal input."""
    values = np.random.RandomState(1000 * seed + number).standard_normal(shape)
    return torch.from_numpy((scale * values).astype(np.float32))


def picture(number: int, batch: int, channels: int, size: int, seed: int = SEED) -> Tensor:
    """Numbered picture [B, C, size, size] in [-1, 1]: 8x8 flat squares plus fine noise."""
    random = np.random.RandomState(1000 * seed + number)
    coarse = random.standard_normal((batch, channels, 8, 8))
    fine = random.standard_normal((batch, channels, size, size))
    squares = coarse.repeat(size // 8, axis=2).repeat(size // 8, axis=3)
    return torch.from_numpy(np.clip(0.6 * squares + 0.3 * fine, -1.0, 1.0).astype(np.float32))


def error(ours: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected value."""
    assert ours.shape == expected.shape, f"{tuple(ours.shape)} instead of {tuple(expected.shape)}"
    return float((ours.double() - expected.double()).abs().max() / expected.abs().max())


def _shape(text: str) -> tuple[int, ...]:
    return () if text == "scalar" else tuple(int(side) for side in text.split("x"))


def _values(key: str, shape: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    """Values of one tensor; constants and counters draw nothing."""
    last = key.rsplit(".", 1)[-1]
    if key.endswith((".blur.kernel", ".upsample.kernel")):
        return np.outer([1.0, 3.0, 3.0, 1.0], [1.0, 3.0, 3.0, 1.0]) / 16.0
    if last == "running_var":
        return 0.5 + random.random_sample(shape)
    offset, scale = _rule(key, last, shape)
    return offset + scale * random.standard_normal(shape)


def _rule(key: str, last: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of one tensor."""
    if key.startswith("style."):
        return 0.0, 100.0 if last == "weight" else 5.0
    if last == "running_mean" or key.endswith(".activate.bias") or (last == "bias" and len(shape) == 4):
        return 0.0, 0.1
    if key == "input.input" or key.startswith("noises.") or key.endswith(".modulation.weight"):
        return 0.0, 1.0
    if key.endswith(".modulation.bias"):
        return 1.0, 0.1
    if key.endswith(".noise.weight"):
        return 0.1, 0.05
    if len(shape) == 5:
        return 0.0, 0.25 if "to_rgb" in key else 1.0
    if last == "bias":
        return 0.0, 0.05
    if len(shape) == 1:
        return (0.25, 0.05) if key.endswith(("input_layer.2.weight", "res_layer.2.weight")) else (1.0, 0.1)
    if ".styles." in key and key.endswith(".linear.weight"):
        return 0.0, 0.25
    gain = 2.0 if ".styles." in key else 1.0
    return 0.0, math.sqrt(gain / math.prod(shape[1:]))
