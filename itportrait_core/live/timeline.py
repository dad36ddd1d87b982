"""Moments of a training: what a generator was after some of its steps, kept bit for bit.

A moment holds the bits in which its weights differ from the base's (exclusive or), byte planes apart and
compressed; equal tensors take no room. Reading it on the same base gives the very weights back.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoints.lineage_check import check_lineage
from ..checkpoints.tensor_file import check_finite
from ..errors import DamagedFile, ITPortraitError
from ..methods.shared.lineage import weights_hash
from ..methods.shared.storage import read_tensors, write_tensors
from ..methods.shared.trainable import frozen_copy

KIND = "moment"
MOST = 20
"""Moments of a run."""
BUDGET = 1 << 30
"""Bytes of a run's moments."""
LEVEL = 1
"""Of zlib: weights after a training are noise in their low bits, so trying harder gains nothing."""


def save_moment(path: Path, generator: nn.Module, base: nn.Module, facts: Mapping[str, Any]) -> Path:
    """Write the difference of a generator to its base.

    Args:
        facts: JSON values that travel along: the lineage, the step.

    Raises:
        ITPortraitError: if the file cannot be written.
    """
    origin, tensors, shapes = base.state_dict(), {}, {}
    for name, value in generator.state_dict().items():
        if np.array_equal(_bits(value), _bits(origin[name].to(value.dtype))):  # torch.equal takes -0 for 0
            continue
        tensors[name] = _packed(value, origin[name])
        shapes[name] = list(value.shape)
    known = {"base": weights_hash(base), "shapes": shapes, "made": dict(facts)}
    return write_tensors(path, KIND, tensors, known)


def load_moment(path: Path, base: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
    """The generator of a moment on its base, a new frozen one, and the facts that were saved with it.

    Raises:
        ITPortraitError: for a damaged file, or another base.
    """
    tensors, known = read_tensors(path, KIND)
    if known.get("base") != weights_hash(base):
        raise ITPortraitError(f"{path.name} belongs to another base; load the generator it was trained from.")
    with torch.inference_mode(False):
        result = frozen_copy(base)
        state = result.state_dict()
        try:
            for name, packed in tensors.items():
                state[name] = _unpacked(packed, state[name], known["shapes"][name])
                check_finite(state[name], f"{path.name}: {name}")
            made = known["made"]
            check_lineage(made.get("lineage", {}), path.name)
        except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise DamagedFile(f"{path.name} is damaged ({error!s:.300}); train again.") from error
        result.load_state_dict(state)
    return result, made


class Timeline:
    """The moments of one run in a folder, evenly spread over its steps.

    Attributes:
        steps: after how many steps the moments were taken, in order.
    """

    def __init__(
        self, folder: Path, base: nn.Module, total: int, most: int = MOST, budget: int = BUDGET
    ) -> None:
        self.folder, self.base, self.total = folder, base, total
        self.most, self.budget = most, budget
        self.steps: list[int] = []

    def due(self, step: int) -> bool:
        """Whether a moment is to be taken after `step` steps."""
        last = self.steps[-1] if self.steps else 0
        return len(self.steps) < self.most and step - last >= max(1, -(-self.total // self.most))

    def take(
        self,
        step: int,
        generators: Mapping[str, nn.Module],
        facts: Callable[[str], Mapping[str, Any]] = lambda part: {},
    ) -> None:
        """Keep the generators, by part of the result, as they are after `step` steps, and facts of each."""
        size = 0
        for part, generator in generators.items():
            size += save_moment(self.file(step, part), generator, self.base, facts(part)).stat().st_size
        self.steps.append(step)
        self.most = min(self.most, max(1, self.budget // max(size, 1)))

    def file(self, step: int, part: str) -> Path:
        """Where the moment of a part lies."""
        return self.folder / f"{step:06}{part}.safetensors"


def _bits(value: Tensor) -> np.ndarray:
    flat = value.detach().cpu().contiguous().reshape(-1)
    return flat.numpy().view(np.uint8).reshape(-1, flat.element_size())


def _packed(value: Tensor, origin: Tensor) -> Tensor:
    planes = np.bitwise_xor(_bits(value), _bits(origin.to(value.dtype))).T
    return torch.from_numpy(np.frombuffer(zlib.compress(planes.tobytes(), LEVEL), np.uint8).copy())


def _unpacked(packed: Tensor, origin: Tensor, shape: list[int]) -> Tensor:
    if list(origin.shape) != shape:
        raise ValueError(f"a tensor has shape {shape} instead of {list(origin.shape)}")
    width, count = origin.element_size(), origin.numel()
    inflate = zlib.decompressobj()
    data = inflate.decompress(packed.numpy().tobytes(), width * count + 1)
    if len(data) != width * count:
        raise ValueError("a tensor has another size")
    planes = np.frombuffer(data, np.uint8).reshape(width, count).T
    bits = np.ascontiguousarray(np.bitwise_xor(planes, _bits(origin)))
    return torch.from_numpy(bits.reshape(-1)).view(origin.dtype).reshape(shape).to(origin.device)
