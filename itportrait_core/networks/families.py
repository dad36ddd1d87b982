"""The register of 3D generator families. A new one is a folder here with a `FAMILY`, and its name below."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ITPortraitError

if TYPE_CHECKING:  # names alone are wanted where no torch is, such as for planning a farm
    from .family import Family
    from .generator3d import Generator3D

NAMES = ("eg3d", "panohead", "region")
"""Folders of `networks/`, and families of model files; imported when first met. A published file
belongs to the last one that recognises it."""


def family(name: str) -> Family:
    """The family of that name.

    Raises:
        ITPortraitError: for one that is not registered.
    """
    if name not in NAMES:
        raise ITPortraitError(f"Unknown family of 3D generators {name!r}; known are {', '.join(NAMES)}.")
    module = importlib.import_module(f".{name}", __package__)
    registered: Family = module.FAMILY
    return registered


def family_of(generator: Generator3D) -> Family:
    """The family of a generator."""
    return family(generator.family)


def recognise(rendering_kwargs: Mapping[str, Any]) -> Family:
    """The family of a published generator with these settings."""
    known = [one for one in map(family, NAMES) if one.official.recognise(rendering_kwargs)]
    return known[-1]


def layers_of(generator: Generator3D) -> list[Generator3D]:
    """The generators that a composite is made of, the lowest first; any other generator alone."""
    return list(getattr(generator, "layers", [generator]))
