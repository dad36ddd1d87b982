"""Renew the icon and the banner of the registry from our own renders: `python tests/brand_pictures.py`.

Both are cut out of `web/docs/pictures/coupled.jpg`, which `tests/demo.py` draws: rows of one person from five
sides, as she is and with style and text.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "web" / "docs" / "pictures" / "coupled.jpg"
TARGET = ROOT / "docs" / "pictures"
BANNER = (1260, 540)
"""21:9, pixels."""
ICON = 400
COLUMNS, ROWS = 5, 3
PAPER, INK = (24, 24, 28), (235, 235, 235)


def main() -> None:
    """Write both pictures."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with Image.open(SOURCE) as opened:
        sheet = opened.convert("RGB")
    cells = [[_cell(sheet, row, column) for column in range(COLUMNS)] for row in range(ROWS)]
    cells[-1][COLUMNS // 2].resize((ICON, ICON), Image.Resampling.LANCZOS).save(TARGET / "icon.png")
    banner = Image.new("RGB", BANNER, PAPER)
    side = BANNER[0] // COLUMNS
    for place, row in enumerate((cells[0], cells[-1])):
        for column, cell in enumerate(row):
            small = cell.resize((side, side), Image.Resampling.LANCZOS)
            banner.paste(small, (column * side, place * side))
    draw, font = ImageDraw.Draw(banner), ImageFont.load_default(size=20)
    draw.text(
        (14, 2 * side + 6), "ITportrait: a picture's style and a text's change, from every side", INK, font
    )
    banner.save(TARGET / "banner.jpg", quality=88)


def _cell(sheet: Image.Image, row: int, column: int) -> Image.Image:
    """One render of the sheet: a large picture stands left of rows of square ones."""
    side = sheet.height / ROWS
    left = sheet.width - (COLUMNS - column) * side
    box = (left, row * side, left + side, (row + 1) * side)
    return sheet.crop(tuple(round(edge) for edge in box))


if __name__ == "__main__":
    main()
