"""What a job is: weights, style, text, person, settings and views, as plain frozen values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .places import EMBEDDED

NEEDS = {"coupled": (True, True), "picture": (True, False), "text": (False, True), "none": (False, False)}
"""Method -> whether it takes a style picture, and a text. "none" draws the base as it is."""
METHODS = (*NEEDS, "selftest")
"""What a job may ask for; the last tests the farm itself."""
SOURCES = ("picture", "portrait", "seed")
"""Kinds of people; styles are of the first two."""
ROLES = {"generator": "photo", "encoder": "encoder", "pose": "pose", "identity": "identity"}
"""Networks of the photo twin -> the embedded one that stands for each."""
MOST_JOBS = 1_000_000
"""Lines of a sheet."""
DEFAULT_VIEWS = ((0.0, 0.0), (35.0, 0.0), (-35.0, 0.0))
"""Degrees of yaw and pitch."""
PRESETS = ("", "paper", "released", "recommended")
SETTINGS = ("inversion", "apt", "ite")
"""Methods whose settings a sheet may change."""


@dataclass(frozen=True)
class Weights:
    """A file of weights: `EMBEDDED`, or a name below the models folder with its SHA-256.

    The hash is "" for embedded ones: those are this version's own.
    """

    file: str = EMBEDDED
    sha256: str = ""


@dataclass(frozen=True)
class Source:
    """A picture, a portrait file, or a seed.

    Attributes:
        kind: one of `SOURCES`.
        file: name below the input folder; "" for a seed.
        sha256: hash of that file.
        seed: of a made-up person.
        truncation: of a made-up person.
    """

    kind: str
    file: str = ""
    sha256: str = ""
    seed: int = 0
    truncation: float = 0.7

    @property
    def label(self) -> str:
        """What a table calls it."""
        return f"seed {self.seed}" if self.kind == "seed" else Path(self.file).stem


@dataclass(frozen=True)
class Job:
    """One line: one person, in one style, with one text.

    Attributes:
        method: one of `METHODS`.
        base: the generator.
        person: who is drawn.
        style: the style picture, or its portrait; None for methods without.
        text: what the portraits become; "" without.
        prior: networks of the photo twin by role; empty for the embedded ones.
        clips: CLIPs that guide; empty for the embedded one.
        changes: settings by method and field that differ from those that suit the generator.
        preset: a published preset in place of those, or "".
        views: degrees (yaw, pitch).
        rounds: of a self-test.
        seconds: that a self-test takes.
    """

    method: str
    base: Weights
    person: Source
    style: Source | None = None
    text: str = ""
    prior: Mapping[str, Weights] = field(default_factory=dict)
    clips: tuple[Weights, ...] = ()
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preset: str = ""
    views: tuple[tuple[float, float], ...] = DEFAULT_VIEWS
    rounds: int = 0
    seconds: float = 0.0

    @property
    def look(self) -> str:
        """What tables call its style and text."""
        return ", ".join(filter(None, [self.style.label if self.style else "", self.text])) or "base"

    @cached_property
    def settings_key(self) -> str:
        """Equal for jobs of equal settings, networks and preset."""
        prior = {role: one.sha256 for role, one in self.prior.items()}
        clips = [one.sha256 for one in self.clips]
        facts = json.dumps([self.changes, prior, clips, self.preset], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]
