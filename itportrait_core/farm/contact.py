"""The contact sheet of a job sheet: a row for each style and text, a column for each person and view."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ITPortraitError
from .files import is_whole, replacing
from .job import Job, Source
from .results import Results

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN, BAND = 150, 16
"""Pixels of the column of labels and of the row of names."""
MOST_PIXELS = 60_000_000
HEAD = ".html"
"""Ending of a live head, which lies beside the generator's file under its name."""


@dataclass(frozen=True)
class Grid:
    """Pictures by row and column; None where one is missing.

    Attributes:
        rows: style and text of each row.
        people: label of each person.
        views: pictures for each person.
        cells: row -> person -> view -> file.
        heads: row -> live head, or None.
    """

    rows: list[str]
    people: list[str]
    views: int
    cells: list[list[list[Path | None]]]
    heads: list[Path | None]

    @property
    def missing(self) -> int:
        """Pictures that are not made yet."""
        return sum(file is None for row in self.cells for person in row for file in person)


def grid_of(jobs: Sequence[Job], results: Results) -> Grid:
    """Arrange the pictures of a sheet, in the order of its lines.

    Raises:
        ITPortraitError: for a sheet of self-tests.
    """
    drawn = [job for job in jobs if job.method != "selftest"]
    if not drawn:
        raise ITPortraitError("The sheet holds self-tests only, which make no pictures.")
    rows: dict[tuple[str, str], str] = {}
    people: dict[Source, int] = {}
    files: dict[tuple[str, Source], list[Path | None]] = {}
    heads: dict[str, Path | None] = {}
    for job in drawn:
        key = results.recipe_key(job) or results.base_hash(job)
        rows.setdefault((key, ""), _row_label(job))
        people.setdefault(job.person, len(people))
        pictures: Sequence[Path | None] = results.pictures(job) or [None] * len(job.views)
        files[key, job.person] = [file if file and is_whole(file) else None for file in pictures]
        heads[key] = _head(results.drawn(job))
    views = max(len(job.views) for job in drawn)
    cells = [[_padded(files.get((key, person), []), views) for person in people] for key, _ in rows]
    return Grid(
        list(rows.values()), [one.label for one in people], views, cells, [heads[key] for key, _ in rows]
    )


def picture(grid: Grid, side: int) -> Image:
    """The contact sheet as one picture, each cell `side` pixels wide.

    Raises:
        ITPortraitError: where it would be too large.
    """
    from PIL import Image, ImageDraw

    columns = len(grid.people) * grid.views
    width, height = MARGIN + columns * side, BAND + len(grid.rows) * side
    if width * height > MOST_PIXELS:
        raise ITPortraitError(
            f"The contact sheet would have {width} x {height} pixels; make its cells smaller with --side, or "
            "look at the HTML page."
        )
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    for column, person in enumerate(grid.people):
        pen.text((MARGIN + column * grid.views * side + 4, 2), person[: grid.views * side // 6], fill="black")
    for row, label in enumerate(grid.rows):
        pen.multiline_text((4, BAND + row * side + 4), _wrapped(label), fill="black")
        flat = [file for person in grid.cells[row] for file in person]
        for column, file in enumerate(flat):
            if file is not None:
                with Image.open(file, formats=["PNG"]) as opened:
                    cell = opened.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
                sheet.paste(cell, (MARGIN + column * side, BAND + row * side))
    return sheet


def write_picture(grid: Grid, path: Path, side: int) -> Path:
    """Write the contact sheet as JPEG."""
    data = io.BytesIO()
    picture(grid, side).save(data, "JPEG", quality=88)
    with replacing(path) as draft:
        draft.write_bytes(data.getvalue())
    return path


def write_page(grid: Grid, path: Path, title: str) -> Path:
    """Write the contact sheet as a page that shows the files where they lie, with live heads to open."""
    head = "".join(f"<th colspan={grid.views}>{html.escape(name)}" for name in grid.people)
    body = []
    for label, live, people in zip(grid.rows, grid.heads, grid.cells, strict=True):
        link = f' <a href="{_link(live, path)}">live head</a>' if live else ""
        cells = "".join(_cell(file, path) for person in people for file in person)
        body.append(f"<tr><th>{html.escape(label)}{link}{cells}")
    page = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"
        "<style>body{font:14px sans-serif}img{width:128px;display:block}td{padding:1px}"
        "th{text-align:left;max-width:12em}thead th{position:sticky;top:0;background:#fff}</style>"
        f"<h1>{html.escape(title)}</h1><table><thead><tr><th>{head}</thead>{''.join(body)}</table>\n"
    )
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")
    return path


def _cell(file: Path | None, page: Path) -> str:
    return "<td>missing" if file is None else f'<td><img loading=lazy src="{_link(file, page)}" alt="">'


def _link(file: Path, page: Path) -> str:
    from urllib.parse import quote

    return html.escape(quote(Path(os.path.relpath(file, page.parent)).as_posix()))


def _head(drawn: Path | None) -> Path | None:
    live = drawn.with_suffix(HEAD) if drawn else None
    return live if live is not None and live.is_file() else None


def _row_label(job: Job) -> str:
    parts = [job.style.label] if job.style else []
    return ", ".join([*parts, *([job.text] if job.text else [])]) or "as it is"


def _padded(files: list[Path | None], views: int) -> list[Path | None]:
    return (files + [None] * views)[:views]


def _wrapped(label: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(label, MARGIN // 7)[:6])
