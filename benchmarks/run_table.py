"""A table on disk that grows row by row, so that a run that was cut goes on where it stopped."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import append_rows, rounded

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
        fresh = [{**rounded(row), "run": self.run} for row in rows]
        self.rows += fresh
        append_rows(self.path, fresh)


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
