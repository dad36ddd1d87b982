"""What the frozen generators draw for one step of ITE, and a view of it as loss terms look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...networks.generator3d import RenderOutput
from ..shared.terms import View
from .gate import Embeddings


@dataclass(frozen=True)
class Untrained:
    """What the frozen generators draw for one step, view by view.

    Attributes:
        source_embedding: E(I_source).
        style_embedding: E(I_style), or None for text only.
        source: renders by G_o; empty where nothing compares with them.
        before_text: renders by G_s, or by G_o for text only; empty as above.
    """

    source_embedding: Embeddings
    style_embedding: Embeddings | None
    source: list[RenderOutput]
    before_text: list[RenderOutput]


def joined(embeddings: Embeddings, views: Sequence[int]) -> list[Tensor]:
    """Embeddings of some views as one batch for each CLIP model."""
    chosen = [embeddings[v] for v in views]
    return chosen[0] if len(chosen) == 1 else [torch.cat(model) for model in zip(*chosen, strict=True)]


def view_of(render: RenderOutput, untrained: Untrained, v: int) -> View:
    """What the loss terms of view `v` look at."""
    view = View(render)
    if untrained.source:
        view = replace(view, source=untrained.source[v])
    return replace(view, before_text=untrained.before_text[v]) if untrained.before_text else view
