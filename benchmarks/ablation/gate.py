"""Fig. 9: success of style and text over the threshold tau and the compensation xi, from two beginnings."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from benchmarks.ablation.part import MethodRow, Sizes, Unit, judged
from benchmarks.people import Triple, held_out
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines, matching, mean
from itportrait_core.methods.shared.plots import COLORS, Panel, plot_panels

FIRST = 4
"""Of the triples: marble with a beard, where style and text are both hard to have."""
TAUS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
XIS = (0, 25, 50, 75, 100)
STARTS: dict[str, dict[str, Any]] = {
    "from G_s": {},
    "from G_o": {
        "warmup": 0, "ite_per_round": 1, "target_start": "source", "text_origin": "source",
        "image_text_orthogonality": 0.0, "min_text_distance": 0.0,
    },
}  # fmt: skip
"""Where G_t begins: as the settings have it, styled already, or unstyled with APT and ITE in turn as in the
paper, where the gate has to make out when G_s has got its style."""
TRAINED: dict[str, Any] = {"trained": "styles", "lr": 0.15, "likeness": 0.0}
"""The style layers themselves, not one offset of all latents: there picture and text take from each other,
and nothing beside the gate stands between them."""
CURVES = {"image_style": COLORS[0], "text_style": COLORS[1], "image_certainty": COLORS[2],
          "text_certainty": COLORS[3]}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class GateRow(MethodRow):
    """One value of one knob from one beginning on one triple."""

    start: str
    knob: str
    value: float


class GateCurves:
    """One knob moves, the other stays at the settings' value. Sheet: one person per value, two sides."""

    name, triples = "gate", 1

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per triple, beginning and value."""
        values = [("tau", value) for value in TAUS] + [("xi", value) for value in XIS]
        chosen = held_out(FIRST + sizes.triples)[FIRST:]
        for triple, start, (knob, value) in itertools.product(chosen, STARTS, values):
            yield Unit(
                f"{triple.name}-{start}-{knob}-{value}",
                lambda t=triple, s=start, k=knob, v=value: self._make(setting, t, s, k, v),
            )

    def _make(
        self, setting: Setting, triple: Triple, start: str, knob: str, value: Any
    ) -> tuple[list[Any], Tensor]:
        made = setting.coupled(triple, **TRAINED, **STARTS[start], **{knob: value})
        row, seen = judged(setting, triple, "coupled", made)
        return [GateRow(**dataclasses.asdict(row), start=start, knob=knob, value=float(value))], seen

    def summary(self, rows: Rows) -> list[str]:
        """Means per value, and where the smaller of both certainties is largest."""
        out = []
        for start, knob, mine in _curves(rows):
            wanted = {"image_style": ".1%", "text_style": ".1%", "image_certainty": ".3f",
                      "text_certainty": ".3f", "gap": ".3f", "text_share": ".2f"}  # fmt: skip
            out += [f"  {knob}, {start}", *lines(mine, "value", wanted)]
            both = {
                value: min(mean(mine, f"{what}_certainty", value=value) for what in ("image", "text"))
                for value in dict.fromkeys(row["value"] for row in mine)
            }
            best = max(both, key=lambda value: both[value])
            ends = max(both[next(iter(both))], both[list(both)[-1]])
            ratio = both[best] / ends if ends else float("inf")
            out.append(
                f"  best {knob} for both, {start}: {best}; certainty / better end of the range = {ratio:.3f}"
            )
        return out

    def plot(self, rows: Rows) -> Tensor | None:
        """One panel per knob and beginning."""
        panels: list[Panel] = []
        for start, knob, mine in _curves(rows):
            values = sorted({float(row["value"]) for row in mine})
            curves = [
                (name, color, [(value, mean(mine, name, value=value)) for value in values])
                for name, color in CURVES.items()
            ]
            panels.append((f"{start}: success over {knob}, {values[0]:g} to {values[-1]:g}", curves))
        return plot_panels(panels) if panels else None


def _curves(rows: Rows) -> Iterator[tuple[str, str, Rows]]:
    """(beginning, knob, its rows), in the table's order."""
    for start, knob in dict.fromkeys((row["start"], row["knob"]) for row in rows):
        yield start, knob, matching(rows, {"start": start, "knob": knob})
