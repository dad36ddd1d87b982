"""Lay pictures out in labelled rows."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from PIL import Image, ImageDraw, ImageFont, ImageOps

LABEL = 150
"""Width of the column of labels, pixels."""
GAP = 4


def contact_sheet(rows: dict[str, list[Path]], side: int = 160) -> Image.Image:
    """One row of pictures for each label, in order.

    Args:
        rows: label -> picture files.
        side: pixels of each picture.
    """
    columns = max(len(files) for files in rows.values())
    sheet = Image.new("RGB", (LABEL + columns * (side + GAP) + GAP, len(rows) * (side + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for row, (label, files) in enumerate(rows.items()):
        top = GAP + row * (side + GAP)
        draw.multiline_text((10, top + side // 2 - 12), fill(label, 19), fill="black", font=font)
        for column, file in enumerate(files):
            with Image.open(file) as picture:
                small = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (LABEL + column * (side + GAP), top))
    return sheet


def banner(style: Path, rows: list[list[Path]], side: int = 160) -> Image.Image:
    """One large picture and, beside it, rows of small ones: README's first picture.

    Args:
        style: the large picture.
        rows: equally many pictures in each row.
        side: pixels of the small ones; the large one is as tall as all rows.
    """
    tall = side * len(rows)
    sheet = Image.new("RGB", (tall + side * len(rows[0]), tall), "white")
    places = [(style, (0, 0), tall)]
    for y, row in enumerate(rows):
        places += [(file, (tall + side * x, side * y), side) for x, file in enumerate(row)]
    for file, place, size in places:
        with Image.open(file) as picture:
            sheet.paste(picture.convert("RGB").resize((size, size), Image.Resampling.LANCZOS), place)
    return sheet


def thumbnail(rows: dict[str, list[Path]], result: str = "", width: int = 960) -> Image.Image:
    """A 4:3 picture for a template browser: the result large, what it was made of small beside it.

    Args:
        rows: label -> picture files, as the workflow makes them.
        result: label of the row that is shown large; the last one when left out.
        width: pixels; the height is three quarters of it.
    """
    last = result or list(rows)[-1]
    earlier, shown = [files for label, files in rows.items() if files and label != last], rows[last]
    middle = shown[len(shown) // 2]
    others = [[file] for file in (shown[0], shown[-1]) if file != middle]
    earlier += others if len(earlier) < 2 else []
    side = width * 3 // 4
    small = side // 3
    sheet = Image.new("RGB", (width, side), "white")
    places = [(middle, (width - side, 0), side)]
    chosen = earlier[:2] + earlier[-1:] if len(earlier) > 2 else earlier
    top = (side - small * len(chosen)) // 2
    places += [(files[len(files) // 2], (0, top + k * small), small) for k, files in enumerate(chosen)]
    for file, (left, upper), size in places:
        with Image.open(file) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
        sheet.paste(fitted, (left + (width - side - size) // 2 if left == 0 else left, upper))
    return sheet


def labelled_grid(rows: dict[str, dict[str, Image.Image]], side: int = 128) -> Image.Image:
    """One row for each control, its name above and the values below; readable in a narrow help panel.

    Args:
        rows: control -> value -> picture; a value may have several lines.
        side: pixels of each picture.
    """
    heading, font = ImageFont.load_default(size=22), ImageFont.load_default(size=18)
    above, line, columns = 32, 22, max(len(row) for row in rows.values())
    heights = [
        above + side + line * max(value.count("\n") + 1 for value in row) + 12 for row in rows.values()
    ]
    sheet = Image.new("RGB", (columns * (side + GAP) + GAP, sum(heights) + GAP), "white")
    draw, top = ImageDraw.Draw(sheet), GAP
    for (control, row), height in zip(rows.items(), heights, strict=True):
        draw.text((GAP + 2, top + 3), control, fill="black", font=heading)
        for column, (value, picture) in enumerate(row.items()):
            left, middle = GAP + column * (side + GAP), GAP + column * (side + GAP) + side // 2
            small = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (left, top + above))
            place = (middle, top + above + side + 2)
            draw.multiline_text(place, value, fill="#444", font=font, anchor="ma", align="center", spacing=2)
        top += height
    return sheet
