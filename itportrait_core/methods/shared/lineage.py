"""Where weights come from: hashes, settings, history. Saved in the header of every style file."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...checkpoints import hashes
from ...networks.generator3d import G, Generator3D
from ...old_names import first_names
from .config import Config
from .history import History
from .trainable import frozen

CODE_VERSION = "0.1.0"


def tensor_hash(tensor: Tensor) -> str:
    """SHA-256 over shape and float32 bytes."""
    return hashes.of_values(tensor)


def weights_hash(module: nn.Module) -> str:
    """SHA-256 over all weights and buffers as float32: the same however the file stores them."""
    return hashes.of_weights(module.state_dict())


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


def make_lineage(
    method: str,
    *,
    base_hash: str,
    config: Config,
    history: History,
    image: Tensor | None = None,
    text: str | None = None,
    parent: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Facts for a style file's header.

    Args:
        base_hash: `weights_hash` of the generator that the run started from.
        image: the style picture, or None.
        parent: lineage of the base, if it is a style itself.
    """
    return {
        "method": method,
        "base_hash": base_hash,
        "style_image_hash": None if image is None else tensor_hash(image),
        "text": text,
        "settings": config.to_dict(),
        "seed": getattr(config, "seed", None),
        "code_version": CODE_VERSION,
        "history": history.to_json(),
        "parent": {k: v for k, v in (parent or {}).items() if k != "history"},
    }


def finish(
    trained: G,
    base: Generator3D,
    method: str,
    config: Config,
    history: History,
    *,
    image: Tensor | None = None,
    text: str | None = None,
    extra: dict[str, Any] | None = None,
) -> G:
    """Freeze a trained copy, and set the lineage (with `extra` facts) and history of every `Generator3D`."""
    trained = frozen(trained)
    trained.lineage = lineage_on(base, method, config, history, image=image, text=text) | (extra or {})
    trained.history = history
    return trained


def lineage_on(
    base: Generator3D,
    method: str,
    config: Config,
    history: History,
    *,
    image: Tensor | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """`make_lineage` for what a run has made of `base` so far."""
    return make_lineage(
        method, base_hash=weights_hash(base), config=config, history=history, image=image, text=text,
        parent=base.lineage,
    )  # fmt: skip
