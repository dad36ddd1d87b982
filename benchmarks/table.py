"""Tables that grow row by row, and sheets of pictures: what a benchmark leaves behind."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor


class Table:
    """A CSV file that rows are appended to as they are made; a later start finds them there."""

    def __init__(self, path: Path, version: str) -> None:
        """`version`: of networks and settings.

        Raises:
            SystemExit: if the file holds rows of another version.
        """
        self.path, self.version = path, version
        self.rows: list[dict[str, Any]] = []
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))
        if any(row["version"] != version for row in self.rows):
            raise SystemExit(
                f"{path} was made with other networks or settings; give --fresh to begin it anew, or "
                "another --out."
            )

    def has(self, unit: str) -> bool:
        """Whether the rows of a unit of work are there."""
        return any(row["unit"] == unit for row in self.rows)

    def add(self, unit: str, rows: list[Any]) -> None:
        """Append dataclass rows of one unit, all at once."""
        made = [{"unit": unit, **rounded(asdict(row)), "version": self.version} for row in rows]
        append_rows(self.path, made)
        self.rows += made


def append_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add rows to a CSV file, and the names of their columns to a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.is_file()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        if new:
            writer.writeheader()
        writer.writerows(rows)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Floats to 5 places."""
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}


def mean(rows: list[dict[str, Any]], column: str, **where: Any) -> float:
    """Mean of a column over the rows that match; nan for none."""
    wanted = {key: str(value) for key, value in where.items()}.items()
    chosen = [float(row[column]) for row in rows if all(str(row[key]) == value for key, value in wanted)]
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
    return Image.fromarray(((pixels.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy())


def lines(rows: list[dict[str, Any]], by: str, columns: Mapping[str, str]) -> list[str]:
    """One line per value of the column `by`, with the means of `columns` (name -> format)."""
    out = []
    for value in dict.fromkeys(row[by] for row in rows):
        parts = [f"{name} {mean(rows, name, **{by: value}):{style}}" for name, style in columns.items()]
        out.append(f"  {value!s:18} " + "  ".join(parts))
    return out
