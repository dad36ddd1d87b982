"""What decides the result of a run, and the name of its file: the same for the nodes and for the farm.

Equal facts give an equal result, so a file of that name is taken instead of training again. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ...config import Config
from .code_digest import code_digest


class WithClip(Protocol):
    """Settings of APT, as far as its inputs go."""

    @property
    def asks_clip(self) -> bool:
        """Whether a term compares in CLIP's space; without one CLIPs are no input."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""


def run_facts(method: str, base: str, *, half: bool = False, **inputs: object) -> dict[str, Any]:
    """Everything that decides a result, as JSON values. It becomes part of the lineage of the weights.

    Args:
        method: one of `code_digest.ENTRIES`.
        base: SHA-256 of the generator's file.
        half: super-resolution in half precision.
        inputs: the other inputs; settings as `config.to_dict()`, objects by their hash.
    """
    precision = {"superresolution": "half"} if half else {}
    return {"method": method, "base": base, "version": code_digest(method), **precision, **inputs}


def apt_inputs(portrait: str, config: WithClip, clips: Sequence[str] = ()) -> dict[str, Any]:
    """The inputs of an image-only run: hash of the portrait, settings, names of the CLIPs."""
    return {
        "portrait": portrait,
        "settings": config.to_dict(),
        "clip": tuple(clips) if config.asks_clip else (),
    }


def couple_inputs(
    portrait: str, config: Config, text: str, clips: Sequence[str], content: str = "", start: str = ""
) -> dict[str, Any]:
    """The inputs of a coupled or text-only run.

    Args:
        portrait: hash of the style's portrait; empty without one.
        config: settings.
        text: what the portraits are to become.
        clips: names of the CLIPs.
        content: hash of another person to train on; empty without one.
        start: SHA-256 of the file of a G_s to start from; empty without one.
    """
    return {
        "portrait": portrait,
        "settings": config.to_dict(),
        "text": text,
        "clip": tuple(clips),
        "content": content,
        "start": start,
    }


def run_name(facts: Mapping[str, Any], part: str = "") -> str:
    """Name, without ending, of the file that holds the result; `part` names one of several results."""
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return f"{facts['method']}-{key}{part}"
