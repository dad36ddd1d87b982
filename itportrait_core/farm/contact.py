"""The contact sheet of a job sheet: a row for each style and text, a column for each person and view."""

from __future__ import annotations

import html
import io
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..checkpoints.atomic import replacing
from ..errors import ITPortraitError
from . import heads
from .files import is_whole
from .job import Job, Source
from .results import NotMadeYet, Results

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN, BAND = 150, 16
"""Pixels of the column of labels and of the row of names."""
MOST_PIXELS = 60_000_000


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
    rows: dict[str, Job] = {}
    people = {job.person: job.person.label for job in drawn}
    files: dict[tuple[str, Source], list[Path | None]] = {}
    views = max(len(job.views) for job in drawn)
    for job in drawn:
        key = results.look_key(job)
        rows.setdefault(key, job)
        files[key, job.person] = (_pictures(job, results) + [None] * views)[:views]
    missing: list[Path | None] = [None] * views
    return Grid(
        [job.look for job in rows.values()], list(people.values()), views,
        [[files.get((key, person), missing) for person in people] for key in rows],
        [_head(job, results) for job in rows.values()],
    )  # fmt: skip


def _pictures(job: Job, results: Results) -> list[Path | None]:
    try:
        return [file if is_whole(file) else None for file in results.pictures(job)]
    except NotMadeYet:
        return [None] * len(job.views)


def _head(job: Job, results: Results) -> Path | None:
    file = heads.file_of(job, results)
    return file if file is not None and os.path.isfile(file) else None


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
    return html.escape(quote(Path(os.path.relpath(file, page.parent)).as_posix()))


def _wrapped(label: str) -> str:
    return "\n".join(textwrap.wrap(label, MARGIN // 7)[:6])
