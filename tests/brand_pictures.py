"""Renew README's first picture, and icon and banner of the registry: `python tests/brand_pictures.py`.

The first is a turning head as it is and in three styles, each learned from one picture (some minutes). Icon
and banner are cut out of `web/docs/pictures/coupled.jpg`, which `tests/demo.py` draws: rows of one person
from five sides, as she is and with style and text.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "web" / "docs" / "pictures" / "coupled.jpg"
TARGET = ROOT / "docs" / "pictures"
BANNER = (1260, 540)
"""21:9, pixels."""
ICON = 400
COLUMNS, ROWS = 5, 3
PAPER, INK = (24, 24, 28), (235, 235, 235)
STYLES = ("caricature", "marble statue", "zombie man")
PERSON = 23
"""Seed of the head that turns."""
FRAMES, TILE, MILLISECONDS = 32, 320, 90
"""Of the turning head: pictures, pixels of each of its four sides, and how long one is shown."""
YAW, PITCH = 42.0, 8.0
"""How far it turns to each side, and up and down, degrees."""


def main() -> None:
    """Write all three pictures."""
    environment.enter()
    sys.path.insert(0, str(ROOT))
    TARGET.mkdir(parents=True, exist_ok=True)
    turning(TARGET / "turning.webp")
    icon_and_banner()


def turning(file: Path) -> None:
    """An animation of one head, as it is and in three styles, two by two."""
    import numpy as np
    import torch

    import itportrait_core as itp
    from itportrait_core.alignment.pictures import to_rgb
    from itportrait_core.methods.shared.portrait import sample_portrait

    base = itp.load_generator("pocket")
    person = sample_portrait(base, PERSON, truncation=0.7)
    pictures = (ROOT / "example_workflows" / "pictures" / f"{name}.png" for name in STYLES)
    sitters = (itp.invert(base, to_rgb(Image.open(picture))) for picture in pictures)
    heads = [base, *(itp.stylize(base, sitter) for sitter in sitters)]
    frames = [Image.new("RGB", (2 * TILE, 2 * TILE)) for _ in range(FRAMES)]
    cameras = itp.cameras.figure_eight(FRAMES, YAW, PITCH)
    for place, head in enumerate(heads):
        for frame, camera in zip(frames, cameras, strict=True):
            with torch.no_grad():
                image = head.synthesis(person.ws, camera[None]).image[0].clamp(-1, 1)
            drawn = ((image + 1) * 127.5).round().byte().movedim(0, -1).numpy()
            large = Image.fromarray(np.ascontiguousarray(drawn)).resize(
                (TILE, TILE), Image.Resampling.LANCZOS
            )
            frame.paste(large, (place % 2 * TILE, place // 2 * TILE))
    frames[0].save(
        file, save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0, quality=80, method=6
    )


def icon_and_banner() -> None:
    """Both, from the sheet of a coupled run."""
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
