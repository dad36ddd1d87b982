"""Lay pictures out in labelled rows."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

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
        draw.multiline_text((10, top + side // 2 - 12), label.replace(": ", ":\n"), fill="black", font=font)
        for column, file in enumerate(files):
            with Image.open(file) as picture:
                small = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (LABEL + column * (side + GAP), top))
    return sheet
