"""What a card draws, and the cards of files that hold weights or people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.format import load_generator
from ..methods.shared.lineage import weights_hash
from ..methods.shared.portrait import Portrait, sample_portrait
from ..methods.style.style_file import load_style
from ..networks.generator3d import Generator3D
from ..rendering import cameras
from ..rendering.views import render_views
from .card import Card, bytes_hash, describe_weights, to_pixels, versions

THUMBNAIL = 64
"""Side of the picture that a generator's card carries, pixels."""
TEST_SEED, TEST_TRUNCATION = 0, 0.7


def generator_card(path: Path, more: Mapping[str, str], *, name: str = "") -> Card:
    """The card of a generator file: one test person, drawn by the very file that was written.

    Args:
        path: the file.
        more: versions of further programs.
        name: what it will be called, where that is another name.
    """
    facts = {**describe_weights(path), "file": name or path.name}
    return _tested("generator", load_generator(path), facts, more)


def difference_card(
    path: Path, base: Generator3D, base_file: Path, more: Mapping[str, str], *, name: str = ""
) -> Card:
    """The card of a style that was saved as its difference to a base: a test person, drawn by both together.

    Args:
        path: the file of the difference.
        base: the generator that it belongs to.
        base_file: the file of that generator, whose licence the style carries on.
        more: versions of further programs.
        name: what it will be called, where that is another name.
    """
    style, origin = load_style(path, base), describe_weights(base_file)
    facts = {
        "content": weights_hash(style),
        "family": origin["family"],
        "license": origin["license"],
        "lineage": {fact: value for fact, value in style.lineage.items() if fact != "history"},
        "file": name or path.name,
        "base": {fact: origin[fact] for fact in ("content", "family", "license", "file")},
    }
    return _tested("difference", style, facts, more)


def _tested(kind: str, generator: Generator3D, facts: Mapping[str, Any], more: Mapping[str, str]) -> Card:
    with torch.no_grad():
        ws = sample_portrait(generator, TEST_SEED, truncation=TEST_TRUNCATION).ws.float()
        card = Card(
            kind,
            facts,
            {"seed": TEST_SEED, "truncation": TEST_TRUNCATION},
            versions=versions(**more),
            ws=ws,
            cameras=cameras.front(),
        )
        drawn = view_pixels(generator, card)
    return replace(card, proof=bytes_hash(drawn), thumbnail=shrink(drawn, THUMBNAIL))


def portrait_card(person: Portrait, more: Mapping[str, str]) -> Card:
    """The card of a person; its generator is the one that the report names."""
    proof = bytes_hash(*person.hashed)
    weights = person.report.get("generator", {})
    return Card("portrait", weights, person.report, versions=versions(**more), proof=proof)


def view_pixels(generator: Generator3D, card: Card) -> Tensor:
    """The picture `[H, W, 3]` uint8 that a card speaks of."""
    ws, cameras = card.tensor("ws"), card.tensor("cameras")
    views = render_views(generator, ws, cameras, len(cameras))
    return picture_pixels(views.images[card.view])


def picture_pixels(image: Tensor) -> Tensor:
    """uint8 `[H, W, 3]` of a picture `[3, H, W]` in [-1, 1]."""
    return to_pixels((image.movedim(0, -1).clamp(-1, 1) + 1) / 2)


def shrink(pixels: Tensor, side: int) -> Tensor:
    """Pixels `[H, W, 3]` uint8 as `[side, side, 3]`, each the mean of what it covers."""
    image = pixels.movedim(-1, 0)[None].float()
    small = torch.nn.functional.interpolate(image, (side, side), mode="area")
    return small[0].movedim(0, -1).round().to(torch.uint8)
