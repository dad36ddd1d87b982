"""Every kind of file becomes the RGB that a person sees."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from itportrait_core.alignment.pictures import to_rgb
from itportrait_core.errors import ITPortraitError

ORANGE = (240, 120, 40)


def solid(mode: str, colour: object, size: tuple[int, int] = (20, 24)) -> Image.Image:
    return Image.new(mode, size, colour)


def reopened(image: Image.Image, kind: str, **options: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return Image.open(file)


def colour(picture: object, **options: float) -> list[int]:
    rgb = to_rgb(picture, **options)
    assert rgb.dtype == torch.float32 and rgb.shape[:2] == (1, 3)
    return [round(v) for v in ((rgb.mean((0, 2, 3)) + 1) * 127.5).tolist()]


@pytest.mark.parametrize(
    ("picture", "want"),
    [
        (solid("RGB", ORANGE), ORANGE),
        (solid("RGB", ORANGE).convert("P"), ORANGE),
        (reopened(solid("RGB", ORANGE).convert("CMYK"), "TIFF"), ORANGE),
        (solid("L", 99), (99, 99, 99)),
        (solid("1", 1), (255, 255, 255)),
        (solid("LA", (0, 128)), (127, 127, 127)),
        (solid("RGBA", (*ORANGE, 0)), (255, 255, 255)),
        (solid("RGBA", (*ORANGE, 255)), ORANGE),
        (solid("F", 0.5), (128, 128, 128)),
        (reopened(Image.fromarray(np.full((20, 20), 32896, np.uint16)), "PNG"), (128, 128, 128)),
        (np.full((20, 20, 3), 32896, np.uint16), (128, 128, 128)),
        (np.full((20, 20), 51, np.uint8), (51, 51, 51)),
        (torch.full((1, 20, 20, 3), 0.2), (51, 51, 51)),
        (torch.tensor([0.2, 0.2, 0.2, 0.0]).expand(20, 20, 4), (255, 255, 255)),
        (torch.full((20, 20, 3), 7.0), (255, 255, 255)),
    ],
)
def test_modes_and_types_give_the_colour_that_is_seen(picture, want):
    assert colour(picture) == pytest.approx(list(want), abs=1)


def test_transparent_palette_shows_the_background():
    image = solid("P", 0)
    image.putpalette([*ORANGE, 0, 0, 0])
    assert colour(reopened(image, "PNG", transparency=0), background=0.0) == [0, 0, 0]


def test_exif_rotation_is_applied():
    image = solid("RGB", (0, 0, 0), (40, 20))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    rgb = to_rgb(reopened(image, "PNG", exif=exif))
    assert rgb.shape == (1, 3, 40, 20)
    assert float(rgb[0, 0, :20].mean()) > 0.99 and float(rgb[0, 0, 20:].mean()) < -0.99


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (torch.zeros(2, 20, 20, 3), "pick one"),
        (torch.zeros(20, 20, 5), "channels"),
        (torch.zeros(8, 20, 3), "16"),
        (torch.full((20, 20, 3), float("nan")), "finite"),
        (torch.zeros(20, 20, 3, dtype=torch.int64), "int64"),
    ],
)
def test_what_is_no_picture_is_refused(picture, says):
    with pytest.raises(ITPortraitError, match=says):
        to_rgb(picture)
