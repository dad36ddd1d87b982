"""What a part of the ablations is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from torch import Tensor

from benchmarks.judging import Scores
from benchmarks.people import Triple, pictures, truth
from benchmarks.setting import Setting
from benchmarks.table import Rows
from itportrait_core.methods.shared.history import History


@dataclasses.dataclass(frozen=True)
class Unit:
    """A piece of work whose rows are written together: some minutes."""

    name: str
    make: Callable[[], tuple[list[Any], Tensor | None]]
    """-> dataclass rows, and pictures [N, 3, H, W] for the sheet."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many of each, where a part has a choice."""

    triples: int
    seeds: int


class Part(Protocol):
    """One table and one sheet."""

    name: str
    triples: int
    """Number of triples that it takes unless told otherwise."""

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """All pieces of work, in a fixed order."""

    def summary(self, rows: Rows) -> list[str]:
        """Lines to print: means, and ratios against a stated baseline."""

    def plot(self, rows: Rows) -> Tensor | None:
        """Curves [1, 3, H, W] in [-1, 1], where the part has any."""


@dataclasses.dataclass(frozen=True)
class MethodRow(Scores):
    """The result of one method on one triple."""

    style: str
    edit: str
    method: str
    gap: float
    """Mean delta of Eq. 9 over the last quarter of the run; nan without a gate"""
    text_share: float
    """Share of ITE steps that went the text's way; nan without a gate"""


def text_share(history: History) -> float:
    """Share of ITE steps that went mostly the text's way; nan without ITE steps."""
    gates = [sum(r.gate.values()) / len(r.gate) for r in history if r.gate]
    return sum(g < 0.5 for g in gates) / len(gates) if gates else float("nan")


def judged(setting: Setting, triple: Triple, method: str, generator: Any) -> tuple[MethodRow, Tensor]:
    """The row of a result, and one person of it from the front and from the side [2, 3, H, W]."""
    people = triple.people(setting.amounts.people)
    shown = pictures(generator, people)
    wanted = truth(people, triple.style, triple.text).image
    scores = setting.judge.scores(shown, wanted, triple.style, triple.edit)
    gaps = [sum(r.delta.values()) / len(r.delta) for r in generator.history if r.delta]
    late = gaps[len(gaps) * 3 // 4 :]
    row = MethodRow(
        **dataclasses.asdict(scores), style=triple.style, edit=triple.edit, method=method,
        gap=sum(late) / len(late) if late else float("nan"), text_share=text_share(generator.history),
    )  # fmt: skip
    return row, shown[1:3]
