"""A network that was found in a foreign file, fitted to one of our classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..config import Config as Settings
from ..errors import ITPortraitError
from ..networks.resampling import binomial_filter
from .settings_check import check_settings
from .stored import StoredTensor, check_shared
from .tensor_file import check_finite


class Config(Protocol):
    """Settings that turn into JSON values."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""


@dataclass(frozen=True)
class FoundNetwork:
    """One network, ready to be written."""

    family: str
    """Family of our file format."""
    config: Config
    """Settings that build the network."""
    tensors: dict[str, Tensor]
    """Weights under our names; views of the open source file where possible."""
    kind: str
    """What the source is, for people: "EG3D pickle"."""
    license: str
    """Terms of the weights."""
    suffix: str = ""
    """Added to the file name of a second network in the same source."""
    details: dict[str, Any] = field(default_factory=dict)
    """More about the source, as JSON values."""


@dataclass(frozen=True)
class PlainConfig:
    """Settings of a network that is kept but not built here."""

    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The values."""
        return dict(self.values)


def read(tensors: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    """The values, views of the open file; real numbers become float32 where they are of another type."""
    check_shared(tensors.values())
    result = {}
    for name, stored in tensors.items():
        value = stored.tensor()
        result[name] = value.float() if value.is_floating_point() else value
    return result


def fit(network: type[nn.Module], config: Config, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check weights against the class that will hold them.

    Constants of old files that the class stores as buffers are filled in: filters and batch counters.

    Raises:
        ITPortraitError: naming the first tensors that are missing, unknown or of another shape.
    """
    if isinstance(config, Settings):
        check_settings(config)
    with torch.device("meta"):
        wanted = network(config, seed=None).state_dict()
    wrong = [f"{name} is unknown" for name in tensors if name not in wanted]
    result = {}
    for name, target in wanted.items():
        value = tensors.get(name)
        if value is None and name.endswith("resample_filter"):
            value = binomial_filter()
        elif value is None and name.endswith("num_batches_tracked"):
            value = torch.zeros((), dtype=torch.int64)
        if value is None:
            wrong.append(f"{name} is missing")
        elif value.shape != target.shape:
            wrong.append(f"{name} has shape {tuple(value.shape)} instead of {tuple(target.shape)}")
        else:
            result[name] = value
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ITPortraitError(
            f"The weights do not fit a {network.__name__}: {'; '.join(wrong[:3])}{more}. "
            "Is this a variant with another architecture?"
        )
    for name, value in result.items():
        check_finite(value, f"The weight {name}")
    return result


def json_value(value: object) -> object:
    """Settings of a foreign file as JSON values, for the record.

    What has no JSON form becomes the name of its type, and so does what lies too deep or comes too late;
    numbers that are not finite become texts.
    """
    remaining = iter(range(2000))

    def convert(item: object, depth: int) -> object:
        if next(remaining, None) is None:
            return "..."
        if isinstance(item, str):
            return item[:1000]
        if isinstance(item, float) and not math.isfinite(item):
            return str(item)
        if item is None or isinstance(item, bool | int | float):
            return item
        if depth < 6 and isinstance(item, dict):
            return {str(key)[:200]: convert(child, depth + 1) for key, child in list(item.items())[:500]}
        if depth < 6 and isinstance(item, list | tuple):
            return [convert(child, depth + 1) for child in item[:50]]
        return type(item).__name__

    return convert(value, 0)
