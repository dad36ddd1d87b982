"""Tables that grow row by row, and sheets of pictures: what a benchmark leaves behind."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

Row = dict[str, Any]
Rows = list[Row]


class Table:
    """A CSV file that rows are appended to as they are made; a later start finds them there."""

    def __init__(self, path: Path, version: str) -> None:
        """`version`: of networks and settings; a table that another one made is put aside as `*.old.csv`."""
        self.path, self.version = path, version
        self.rows: Rows = read_rows(path)
        if any(row["version"] != version for row in self.rows):
            path.replace(path.with_suffix(".old.csv"))
            self.rows = []

    def has(self, **wanted: Any) -> bool:
        """Whether a row with these values is there."""
        return bool(self.where(**wanted))

    def where(self, **wanted: Any) -> Rows:
        """The rows with these values."""
        return matching(self.rows, wanted)

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows at once; numbers are rounded to 5 places."""
        made = [{**_rounded(row), "version": self.version} for row in rows]
        self.rows += made
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.is_file()
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(made[0]))
            if new:
                writer.writeheader()
            writer.writerows(made)

    def add(self, unit: str, rows: Sequence[Any]) -> None:
        """Append dataclass rows of one unit of work."""
        self.append([{"unit": unit, **asdict(row)} for row in rows])


def read_rows(path: Path) -> Rows:
    """The rows of a table, numbers as numbers; none where there is no file."""
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(value: str) -> Any:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _rounded(row: Row) -> Row:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}


def matching(rows: Sequence[Row], wanted: Mapping[str, Any]) -> Rows:
    """The rows that have all the wanted values."""
    return [row for row in rows if all(str(row[key]) == str(value) for key, value in wanted.items())]


def mean(rows: Sequence[Row], column: str, **where: Any) -> float:
    """Mean of a column over the rows that match; nan for none."""
    chosen = [float(row[column]) for row in matching(rows, where)]
    return sum(chosen) / len(chosen) if chosen else float("nan")


def save_strip(pictures: Tensor, path: Path) -> None:
    """Pictures [N, 3, H, W] in [-1, 1] side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _image(torch.cat(list(pictures), dim=2)).save(path)


def save_sheet(strips: list[Path], path: Path) -> None:
    """Stored strips, one below the other; missing ones are left out."""
    rows = [Image.open(strip).convert("RGB") for strip in strips if strip.is_file()]
    if not rows:
        return
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(path, quality=90)


def _image(pixels: Tensor) -> Image.Image:
    return Image.fromarray(((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())


def lines(rows: Sequence[Row], by: str, columns: Mapping[str, str]) -> list[str]:
    """One line per value of the column `by`, with the means of `columns` (name -> format)."""
    out = []
    for value in dict.fromkeys(row[by] for row in rows):
        parts = [f"{name} {mean(rows, name, **{by: value}):{style}}" for name, style in columns.items()]
        out.append(f"  {value!s:18} " + "  ".join(parts))
    return out
