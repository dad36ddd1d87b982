"""Table 1 and Fig. 8: which way of joining picture and text carries both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.ablation.part import Sizes, Unit, judged
from benchmarks.people import Triple, held_out, pictures, truth
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines, mean

Method = Callable[[Setting, Triple], Any]
COLUMNS = {
    "image_style": ".1%", "text_style": ".1%", "image_certainty": ".3f", "text_certainty": ".3f",
    "content": ".4f", "lpips": ".4f",
}  # fmt: skip
CONTENT_MARGIN = 0.1
"""Content of ours may lie this share below the best, as in the paper's Table 1."""


def image_then_text(setting: Setting, triple: Triple) -> Any:
    """APT alone, then the text alone on its result; as many steps of each as the coupled run makes."""
    return setting.text_only(triple, setting.image_only(triple))


def text_then_image(setting: Setting, triple: Triple) -> Any:
    """The other way round."""
    config = setting.ite.apt.replace(steps=setting.image_steps)
    return setting.stylize(setting.text_only(triple), setting.invert(triple.picture()), config)


def coupled(**changes: Any) -> Method:
    """The coupled run, with another gate for instance."""
    return lambda setting, triple: setting.coupled(triple, **changes)


class MethodTable:
    """Methods x triples. Sheet: style picture, truth, then one person of each method from two sides."""

    def __init__(self, name: str, triples: int, methods: dict[str, Method], *ours: str) -> None:
        self.name, self.triples, self.methods, self.ours = name, triples, methods, ours

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per triple and method."""
        for triple in held_out(sizes.triples):
            for method in self.methods:
                yield Unit(f"{triple.name}-{method}", lambda t=triple, m=method: self._make(setting, t, m))

    def _make(self, setting: Setting, triple: Triple, method: str) -> tuple[list[Any], Tensor]:
        row, seen = judged(setting, triple, method, self.methods[method](setting, triple))
        first = triple.people(1)
        before = pictures(setting.generator, first)[1:2]
        wanted = truth(first, triple.style, triple.text).image[1:2]
        return [row], torch.cat([triple.picture(), before, seen, wanted])

    def summary(self, rows: Rows) -> list[str]:
        """Means, and each of ours against the best of the others."""
        out = lines(rows, "method", COLUMNS)
        others = [name for name in self.methods if name not in self.ours]
        for column, best_of in {"image_style": max, "text_style": max, "content": max, "lpips": min}.items():
            best = best_of(mean(rows, column, method=name) for name in others)
            for name in self.ours:
                ratio = mean(rows, column, method=name) / best if best else float("nan")
                out.append(f"  {column}: {name} / best of the others = {ratio:.3f}")
        return [*out, "  (lpips: below 1 is better)"]

    def plot(self, rows: Rows) -> Tensor | None:
        """No curves."""
        return None


TABLE_ONE = MethodTable(
    "table1", 12,
    {
        "coupled": Setting.coupled, "coupled xi 65": coupled(xi=65), "image then text": image_then_text,
        "text then image": text_then_image, "bisector": coupled(gate="bisector"),
    },
    "coupled", "coupled xi 65",
)  # fmt: skip
DIRECTIONS = MethodTable(
    "directions", 4,
    {
        "hard": coupled(gate="hard"), "soft": coupled(gate="soft"), "joint": coupled(gate="joint"),
        "bisector": coupled(gate="bisector"), "text only": Setting.text_only,
        "image only": Setting.image_only,
    },
    "hard",
)  # fmt: skip
