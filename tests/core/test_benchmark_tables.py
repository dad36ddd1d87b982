"""Tables of the benchmarks: they go on where they stopped, and never mix rows of different settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from benchmarks.ablation.gate import GateCurves
from benchmarks.ablation.part import Sizes, Unit
from benchmarks.ablations import run_part
from benchmarks.table import Table, mean, save_sheet, save_strip


@dataclass(frozen=True)
class Row:
    """One measurement."""

    method: str
    score: float


class Counting:
    """A part that counts how often its units are made, and is cut off at the second."""

    name, triples = "counting", 3

    def __init__(self) -> None:
        self.made: list[str] = []
        self.cut = True

    def units(self, setting: Any, sizes: Sizes):
        for name in ("a", "b", "c")[: sizes.triples]:
            yield Unit(name, lambda n=name: self.make(n))

    def make(self, name: str):
        if name == "b" and self.cut:
            raise KeyboardInterrupt
        self.made.append(name)
        return [Row(name, float(len(self.made)))], None

    def summary(self, rows):
        return [f"{mean(rows, 'score'):.1f}"]

    def plot(self, rows):
        return None


class Setting:
    """Stands for the networks."""

    def __init__(self, cache: Path, version: str = "one") -> None:
        self.cache, self.version = cache, version


def test_a_run_that_was_cut_off_goes_on(tmp_path, capsys):
    part, setting = Counting(), Setting(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_part(part, setting, Sizes(3, 2), tmp_path, float("inf"))
    part.cut = False
    assert run_part(part, setting, Sizes(3, 2), tmp_path, float("inf"))
    assert part.made == ["a", "b", "c"]
    rows = Table(tmp_path / "counting.csv", "one").rows
    assert [row["unit"] for row in rows] == ["a", "b", "c"]
    assert mean(rows, "score", method="b") == 2.0
    assert capsys.readouterr().out.endswith("2.0\n")


def test_nothing_begins_after_the_time_is_over(tmp_path):
    part = Counting()
    assert not run_part(part, Setting(tmp_path), Sizes(3, 2), tmp_path, end=0.0)
    assert part.made == []


def test_sheets_show_the_strips_that_are_there(tmp_path):
    """Pictures of a strip stand side by side in their nearest grey levels; lost strips are left out."""
    strips = [tmp_path / "cache" / f"{name}.png" for name in "abc"]
    levels = torch.tensor([10.0, 200.0])
    for strip in strips[::2]:
        save_strip((levels - 0.4).view(2, 1, 1, 1).expand(2, 3, 8, 8) / 127.5 - 1, strip)
        with Image.open(strip) as picture:
            assert [picture.getpixel((x, 4))[0] for x in (4, 12)] == levels.tolist()
    save_sheet(strips, tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (16, 16)


def test_the_gates_curves_keep_the_two_beginnings_apart():
    """The best xi of each beginning is where the lesser of its own two certainties is largest."""
    rows = [
        {"start": start, "knob": "xi", "value": value, "image_style": 1.0, "text_style": 1.0, "gap": 0.9,
         "text_share": 0.5, "image_certainty": image, "text_certainty": 1 - image}
        for start, images in (("from G_s", (0.9, 0.8, 0.5)), ("from G_o", (0.6, 0.2, 0.1)))
        for value, image in zip((0.0, 50.0, 100.0), images, strict=True)
    ]  # fmt: skip
    best = [line for line in GateCurves().summary(rows) if "best" in line]
    assert ["from G_s: 100.0" in best[0], "from G_o: 0.0" in best[1]] == [True, True]
    assert GateCurves().plot(rows).shape[0] == 1
