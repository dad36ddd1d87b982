"""A table on disk that grows row by row, so that a run that was cut goes on where it stopped."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Table:
    """Rows of one CSV file. The column `run` says which weights and settings made them."""

    def __init__(self, path: Path, run: str) -> None:
        """Open the table at `path`; one that another `run` made is put aside as `*.old.csv`."""
        self.path, self.run = path, run
        self.rows: list[Row] = _read(path)
        if any(row["run"] != run for row in self.rows):
            path.replace(path.with_suffix(".old.csv"))
            self.rows = []

    def has(self, **wanted: Any) -> bool:
        """Whether a row with these values is there."""
        return bool(self.where(**wanted))

    def where(self, **wanted: Any) -> list[Row]:
        """The rows with these values."""
        return [row for row in self.rows if all(str(row[k]) == str(v) for k, v in wanted.items())]

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows to the file at once; numbers are rounded to 5 places."""
        fresh = [{k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
        fresh = [{**row, "run": self.run} for row in fresh]
        self.rows += fresh
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.is_file()
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(fresh[0]))
            if new:
                writer.writeheader()
            writer.writerows(fresh)


def _read(path: Path) -> list[Row]:
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


def mean(rows: Sequence[Row], column: str) -> float:
    """Mean of a column; nan without rows."""
    return sum(float(row[column]) for row in rows) / len(rows) if rows else float("nan")
