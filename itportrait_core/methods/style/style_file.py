"""Style files: 16-bit or compressed differences to a named base (docs/formats.md#style-differences)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoints.format import stored_as
from ...checkpoints.lineage_check import check_lineage
from ...checkpoints.tensor_file import check_finite
from ...errors import DamagedFile, ITPortraitError
from ...networks.generator3d import Generator3D
from ..shared.lineage import weights_hash
from ..shared.storage import read_tensors, write_tensors
from ..shared.trainable import frozen_copy
from .blend import check_same_shape

KIND = "style-delta"
MIN_SIDE = 8
"""Smaller matrices are not worth a decomposition."""
LAST, GAIN = ("torgb", "superresolution"), 10.0
"""Layers that write planes and pictures, and how much more an error there counts than one that later layers
normalise away."""
WHOLE = "decoder."
"""Never compressed: it is tiny, and every point of space goes through it."""
SCALE_BYTES = 4
"""Of one singular direction: its float32 scale. Its two vectors are kept as single bytes per number, which
costs little precision and buys twice as many directions as float16 would."""


@torch.no_grad()
def save_style(
    style: Generator3D,
    base: Generator3D,
    path: str | Path,
    *,
    budget_mb: float = 0.0,
    lineage: Mapping[str, Any] | None = None,
) -> Path:
    """Write the difference of a style to its base.

    Args:
        budget_mb: 0 keeps every difference as float16. Otherwise large weights are compressed: over all of
            them, the singular directions that matter most per byte are kept until the budget is used up.
        lineage: what the file says of the style's origin; the style's own where None.

    Raises:
        ITPortraitError: if the two do not fit each other, or the file cannot be written.

    Example:
        >>> G, style = itp.load_generator("pocket"), itp.load_generator("pocket")
        >>> itp.save_style(style, G, "style.safetensors", budget_mb=1.0).name
        'style.safetensors'
    """
    check_same_shape(base, style)
    origin, moved = base.state_dict(), style.state_dict()
    deltas = {
        name: (moved[name] - origin[name]).float()
        for name in origin
        if origin[name].is_floating_point() and not torch.equal(origin[name], moved[name])
    }
    tensors = _compressed(deltas, budget_mb * 2**20) if budget_mb > 0 else _halves(deltas)
    facts = {"base_hash": weights_hash(base), "lineage": dict(style.lineage if lineage is None else lineage)}
    return write_tensors(path, KIND, tensors, facts)


@torch.no_grad()
def load_style(path: str | Path, base: Generator3D) -> Generator3D:
    """The style of a file on its base; a new frozen generator.

    Raises:
        ITPortraitError: for a damaged file, or another base than the one it was made from.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> itp.load_style(itp.save_style(itp.load_generator("pocket"), G, "style.safetensors"), G).family
        'eg3d'
    """
    tensors, facts = read_tensors(path, KIND)
    if facts.get("base_hash") != weights_hash(base):
        raise ITPortraitError(
            f"{Path(path).name} was made from another base (hash {str(facts.get('base_hash'))[:12]}); "
            "load the generator it was trained from."
        )
    unscaled = [key for key in tensors if key.startswith("left.") and f"scale.{key[5:]}" not in tensors]
    if unscaled:
        raise ITPortraitError(
            f"{Path(path).name} is of an older version ({unscaled[0]} has no scale); save it anew."
        )
    lineage = facts.get("lineage", {})
    if not isinstance(lineage, dict):
        raise DamagedFile(f"{Path(path).name} is damaged: its lineage is no object; get the file again.")
    check_lineage(lineage, Path(path).name)
    _check_fits(tensors, base.state_dict(), Path(path).name)
    with torch.inference_mode(False):
        result = frozen_copy(base)
        state = result.state_dict()
        for name, delta in _expanded(tensors).items():
            state[name] = state[name] + delta.to(state[name]).view(state[name].shape)
            check_finite(state[name], f"{Path(path).name} on its base: {name}")
        result.load_state_dict(state)
    result.lineage = lineage
    return result


def _check_fits(tensors: dict[str, Tensor], base: dict[str, Tensor], file: str) -> None:
    """Refuse tensors that are no differences of the base's, before anything is multiplied.

    Raises:
        DamagedFile: naming the first that does not fit.
    """
    for key, value in tensors.items():
        kind, _, name = key.partition(".")
        weight = base.get(name)
        good = weight is not None and weight.is_floating_point()
        if good and weight is not None and kind == "full":
            good = value.shape == weight.shape and value.is_floating_point()
        elif good and weight is not None and kind in ("left", "right", "scale"):
            parts = [tensors.get(f"{part}.{name}") for part in ("left", "right", "scale")]
            good = weight.ndim >= 2 and all(part is not None for part in parts)
            if good:
                rows, columns = weight.flatten(1).shape
                rank = parts[2].shape[0] if parts[2].ndim == 1 else -1  # type: ignore[union-attr]
                shapes = [(rows, rank), (columns, rank), (rank,)]
                good = [tuple(part.shape) for part in parts if part is not None] == shapes
                good = good and 1 <= rank <= min(rows, columns)
        else:
            good = False
        if not good:
            raise DamagedFile(f"{file} is damaged: {key!r:.120} does not fit its base; get the file again.")


def _halves(deltas: dict[str, Tensor]) -> dict[str, Tensor]:
    """Differences as float16; one that is too large for it keeps its own type."""
    return {f"full.{name}": stored_as(delta, torch.float16) for name, delta in deltas.items()}


def _compressed(deltas: dict[str, Tensor], budget: float) -> dict[str, Tensor]:
    large = {
        name: delta.flatten(1)
        for name, delta in deltas.items()
        if delta.ndim >= 2 and min(delta.flatten(1).shape) >= MIN_SIDE and not name.startswith(WHOLE)
    }
    tensors = _halves({name: delta for name, delta in deltas.items() if name not in large})
    budget -= sum(t.numel() * 2 for t in tensors.values())
    parts = {name: torch.linalg.svd(matrix, full_matrices=False) for name, matrix in large.items()}
    for name, rank in _ranks(parts, budget).items():
        u, s, v = parts[name]
        if rank:
            left, left_step = _bytes(u[:, :rank])
            right, right_step = _bytes(v[:rank].t())
            tensors[f"left.{name}"], tensors[f"right.{name}"] = left, right
            tensors[f"scale.{name}"] = left_step * s[:rank] * right_step
    return tensors


def _bytes(columns: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [N, K] as int8, and what one step is worth in each [K]."""
    step = columns.abs().amax(dim=0).clamp_min(1e-12) / 127
    return (columns / step).round().to(torch.int8), step


def _ranks(parts: dict[str, Any], budget: float) -> dict[str, int]:
    """How many singular directions of each weight fit the budget, by energy per byte."""
    offers = []
    for name, (u, s, v) in parts.items():
        cost = u.shape[0] + v.shape[1] + SCALE_BYTES
        gain = GAIN if any(part in name for part in LAST) else 1.0
        offers += [(gain * float(value) ** 2 / cost, cost, name) for value in s]
    ranks = dict.fromkeys(parts, 0)
    for _, cost, name in sorted(offers, reverse=True):
        if cost <= budget:
            ranks[name] += 1
            budget -= cost
    return ranks


def _expanded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    out = {}
    for key, value in tensors.items():
        kind, name = key.split(".", 1)
        if kind == "full":
            out[name] = value.float()
        elif kind == "left":
            scale, right = tensors[f"scale.{name}"], tensors[f"right.{name}"]
            out[name] = (value.float() * scale) @ right.float().t()
    return out
