"""Fig. 9: success of style and text over the threshold tau and the compensation xi."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from benchmarks.ablation.part import MethodRow, Sizes, Unit, judged
from benchmarks.people import Triple, held_out
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines, mean
from itportrait_core.methods.plots import COLORS, Panel, plot_panels

TAUS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
XIS = (0, 25, 50, 75, 100)
CURVES = {"image_style": COLORS[0], "text_style": COLORS[1], "image_certainty": COLORS[2],
          "text_certainty": COLORS[3]}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class GateRow(MethodRow):
    """One value of one knob on one triple."""

    knob: str
    value: float


class GateCurves:
    """One knob moves, the other stays at the settings' value. Sheet: one person per value, two sides."""

    name, triples = "gate", 2

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per triple and value."""
        for triple in held_out(sizes.triples):
            for knob, values in (("tau", TAUS), ("xi", XIS)):
                for value in values:
                    yield Unit(
                        f"{triple.name}-{knob}-{value}",
                        lambda t=triple, k=knob, v=value: self._make(setting, t, k, v),
                    )

    def _make(self, setting: Setting, triple: Triple, knob: str, value: Any) -> tuple[list[Any], Tensor]:
        row, seen = judged(setting, triple, "coupled", setting.coupled(triple, **{knob: value}))
        return [GateRow(**dataclasses.asdict(row), knob=knob, value=float(value))], seen

    def summary(self, rows: Rows) -> list[str]:
        """Means per value, and where the smaller of both certainties is largest."""
        out = []
        for knob in dict.fromkeys(row["knob"] for row in rows):
            mine = [row for row in rows if row["knob"] == knob]
            wanted = {"image_style": ".1%", "text_style": ".1%", "image_certainty": ".3f",
                      "text_certainty": ".3f", "gap": ".3f", "text_share": ".2f"}  # fmt: skip
            out += [f"  {knob}", *lines(mine, "value", wanted)]
            both = {
                value: min(mean(mine, f"{what}_certainty", value=value) for what in ("image", "text"))
                for value in dict.fromkeys(row["value"] for row in mine)
            }
            best = max(both, key=lambda value: both[value])
            ends = max(both[next(iter(both))], both[list(both)[-1]])
            ratio = both[best] / ends if ends else float("nan")
            out.append(f"  best {knob} for both: {best}; certainty / better end of the range = {ratio:.3f}")
        return out

    def plot(self, rows: Rows) -> Tensor | None:
        """One panel per knob."""
        panels: list[Panel] = []
        for knob in dict.fromkeys(row["knob"] for row in rows):
            mine = [row for row in rows if row["knob"] == knob]
            values = sorted({float(row["value"]) for row in mine})
            curves = [
                (name, color, [(value, mean(mine, name, value=value)) for value in values])
                for name, color in CURVES.items()
            ]
            panels.append((f"success over {knob}, {values[0]:g} to {values[-1]:g}", curves))
        return plot_panels(panels) if panels else None
