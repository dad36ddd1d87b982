"""Presets as data: `presets.json` holds, by preset and method, what differs from the config's defaults.

`paper`: what the text of arXiv 2304.04364 says, and so do the defaults. `released`: what the authors'
public code does. `recommended`: the paper's settings with the repairs that cost nothing.

`small` is for generators of 128 px or less and the small networks that guide them. Its steps are fewer
and larger, and pixels count beside LPIPS, because the embedded trunk cares little about colour. Inversion
moves in units of M(z)'s spread and keeps coarse layers where M(z) draws people, because a small latent
space bends to any colour; it turns the pose from the first step. APT asks other people to keep their
shape, to differ as before, and to be grey where the picture is. ITE begins at G_s and trains one offset
of everybody's latents, because all weights of so small a network learn to please CLIP before they draw
what the text says; the text asks for a distance, not for a hint of its direction, and the templates, of
which a small text tower hears more than of the word in them, are left out.

`prior` is `small` for a generator that has a style prior (docs/style-prior.md). G_s begins at what the prior
reads in the picture beyond its person, so two thirds of APT's steps do, and other people keep the colours
that it gives them.
The inversion looks through the prior, so that the latent holds the person and not the style.

A preset with an entry `about` restates another method (docs/method.md#restated-methods).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .config import Config

if TYPE_CHECKING:
    from ...networks.generator3d import Generator3D

SMALL_RESOLUTION = 128
"""Largest side of the pictures, pixels, of a generator that the preset `small` is for."""

AnyConfig = TypeVar("AnyConfig", bound=Config)


@cache
def table() -> dict[str, dict[str, dict[str, Any]]]:
    """Preset -> method, or method:mode -> field -> value."""
    return json.loads((Path(__file__).parent / "presets.json").read_text(encoding="utf-8"))


def preset_of(kind: type[AnyConfig], name: str, mode: str = "") -> AnyConfig:
    """The config of class `kind` in one preset.

    Args:
        mode: for `ITEConfig`, one of its modes: some values differ between them.
    """
    methods = table()[name]
    values = {field: preset_of(inner, name) for field, inner in kind.inner().items()}
    values |= methods.get(kind.method, {}) | methods.get(f"{kind.method}:{mode}", {})
    return kind.from_dict(values | ({"mode": mode} if mode else {}))


def suited(kind: type[AnyConfig], generator: Generator3D, mode: str = "", *, prior: bool = True) -> AnyConfig:
    """The settings that suit a generator: its size, and its style prior if it has one.

    The nodes run with these, and so do the methods where no settings are given.

    Args:
        mode: as in `preset_of`.
        prior: False begins at the generator as it is, as published, also where it has a style prior.
    """
    known = False
    if prior and generator.resolution <= SMALL_RESOLUTION:
        from .style_priors import style_prior_of  # imports torch, which schemas do not need

        known = style_prior_of(generator) is not None
    return preset_of(kind, name_for(generator.resolution, known), mode)


def name_for(resolution: int, has_prior: bool) -> str:
    """Name of the preset that suits a generator of this side in pixels, with or without a style prior."""
    if resolution > SMALL_RESOLUTION:
        return "paper"
    return "prior" if has_prior else "small"
