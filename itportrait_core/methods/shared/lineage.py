"""Where weights come from: hashes, settings, history. Saved in the header of every style file."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from ...checkpoints import hashes
from ...networks.generator3d import G, Generator3D
from ...old_names import first_names
from .config import Config
from .history import History
from .portrait import Portrait
from .trainable import frozen

CODE_VERSION = "0.1.0"
_hashed: WeakKeyDictionary[nn.Module, tuple[list[tuple[str, int, int]], str]] = WeakKeyDictionary()
"""Module -> address and write count of each tensor, and the hash of them all."""


def tensor_hash(tensor: Tensor) -> str:
    """SHA-256 over shape and float32 bytes."""
    return hashes.of_values(tensor)


def weights_hash(module: nn.Module) -> str:
    """SHA-256 over all weights and buffers as float32: the same however the file stores them.

    It is kept beside the module (0.04 s for the embedded generator), and taken anew where a tensor lies
    elsewhere or was written since. Inference tensors do not tell; they are hashed each time.
    """
    tensors = [*module.named_parameters(), *module.named_buffers()]  # a state_dict's may have other counts
    if any(value.is_inference() for _, value in tensors):
        return hashes.of_weights(module.state_dict())
    stamp = [(name, value.data_ptr(), value._version) for name, value in tensors]
    known = _hashed.get(module)
    if known is None or known[0] != stamp:
        known = _hashed[module] = stamp, hashes.of_weights(module.state_dict())
    return known[1]


def run_identity(**facts: object) -> str:
    """Hash of what a run depends on: tensors by content, modules by weights, configs by settings."""
    return hashes.of_json(_plain(facts))


def _plain(value: object) -> object:
    if isinstance(value, Tensor):
        return tensor_hash(value)
    if isinstance(value, nn.Module):
        return weights_hash(value)
    if isinstance(value, Config):
        return [type(value).__name__, first_names(value.to_dict())]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def lineage_on(
    base: Generator3D,
    method: str,
    config: Config,
    history: History,
    portrait: Portrait | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """Facts for a style file's header: what a run has made of `base` so far.

    Args:
        base: the generator that the run started from; it may be a style itself.
        portrait: the style picture's, or None.
    """
    return {
        "method": method,
        "base_hash": weights_hash(base),
        "style_image_hash": None if portrait is None else tensor_hash(portrait.image),
        "text": text,
        "settings": config.to_dict(),
        "seed": getattr(config, "seed", None),
        "code_version": CODE_VERSION,
        "history": history.to_json(),
        "parent": {k: v for k, v in base.lineage.items() if k != "history"},
    }


def finish(
    trained: G,
    base: Generator3D,
    method: str,
    config: Config,
    history: History,
    portrait: Portrait | None = None,
    text: str | None = None,
    extra: dict[str, Any] | None = None,
) -> G:
    """Freeze a trained copy, and set the lineage (with `extra` facts) and history of every `Generator3D`."""
    trained = frozen(trained)
    trained.lineage = lineage_on(base, method, config, history, portrait, text) | (extra or {})
    trained.history = history
    return trained
