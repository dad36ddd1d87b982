"""Overfitting: how different people still are after a run (paper section 5; docs/method.md#metrics)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.ablation.part import Sizes, Unit
from benchmarks.people import Triple, held_out, pictures, truth
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines, mean
from itportrait_core.pocket.attributes import Z_DIM
from itportrait_core.pocket.latents import normalise

FRONT = ((0.0, 0.0),)
KEPT = 0.7
"""Share of G_o's variety that G_t has to keep."""


@dataclasses.dataclass(frozen=True)
class VarietyRow:
    """Mean pairwise LPIPS of people from the front; the true pictures tell how alike a style makes people."""

    style: str
    edit: str
    before: float
    after: float
    ratio: float
    true_ratio: float
    """Of the true pictures, edited and in the style, to the true photos"""


class Diversity:
    """Sheet: the people of G_t."""

    name, triples = "diversity", 8

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per triple."""
        for triple in held_out(sizes.triples):
            yield Unit(triple.name, lambda t=triple: self._make(setting, t, sizes.seeds))

    def _make(self, setting: Setting, triple: Triple, seeds: int) -> tuple[list[Any], Tensor]:
        people = normalise(torch.randn(seeds, Z_DIM, generator=torch.Generator().manual_seed(triple.seed)))
        shown = [pictures(g, people, FRONT) for g in (setting.generator, setting.coupled(triple))]
        wanted = [truth(people, *look, FRONT).image for look in (("photo", ""), (triple.style, triple.text))]
        before, after, plain, styled = (setting.judge.variety(one) for one in (*shown, *wanted))
        row = VarietyRow(triple.style, triple.edit, before, after, after / before, styled / plain)
        return [row], shown[1]

    def summary(self, rows: Rows) -> list[str]:
        """Ratios to G_o."""
        kept = mean(rows, "ratio")
        return [
            *lines(rows, "style", {"before": ".4f", "after": ".4f", "ratio": ".3f", "true_ratio": ".3f"}),
            f"  variety of G_t / G_o = {kept:.3f} (at least {KEPT})",
        ]

    def plot(self, rows: Rows) -> Tensor | None:
        """No curves."""
        return None
