"""Crops show the picture where the square says, borders fade, and a crop can be laid back."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.alignment.frame import Square
from itportrait_core.alignment.warp import cut
from itportrait_core.errors import ITPortraitError


def ramps(height: int = 60, width: int = 80) -> torch.Tensor:
    """Red holds x, green holds y, blue is flat: a crop can be read like a map."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack((x / 50 - 1, y / 50 - 1, torch.zeros_like(x)))[None]


@pytest.mark.parametrize("square", [Square((40.0, 30.0), (12.0, 0.0)), Square((38.5, 29.5), (8.0, -9.0))])
@pytest.mark.parametrize("size", [5, 16, 64])
def test_a_crop_holds_the_pixels_that_its_square_names(square, size):
    patch = cut(ramps(), square, size)
    centres = (torch.arange(size).double() + 0.5) / size
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    want = square.to_picture(torch.stack((x, y), -1).reshape(-1, 2)).float()
    got = (patch[0, :2].reshape(2, -1).T + 1) * 50
    torch.testing.assert_close(got, want, atol=0.05, rtol=0)


def test_shrinking_a_fine_pattern_gives_its_mean_not_moire():
    checker = ((torch.arange(128)[:, None] + torch.arange(128)) % 2).float().expand(1, 3, 128, 128) * 2 - 1
    patch = cut(checker, Square((63.5, 63.5), (60.0, 0.0)), 16)
    assert float(patch.abs().max()) < 0.02


def test_outside_the_picture_the_crop_fades_to_the_median():
    noise = torch.rand(1, 3, 50, 50, generator=torch.Generator().manual_seed(2))
    patch = cut(noise, Square((0.0, 25.0), (40.0, 0.0)), 80)
    median = noise.flatten(2).median(dim=2).values[0]
    torch.testing.assert_close(patch[0, :, 40, 0], median, atol=1e-5, rtol=0)
    inside = cut(noise, Square((25.0, 25.0), (20.0, 0.0)), 40)
    assert float(patch[:, :, 35:45, 20:38].std()) < 0.5 * float(inside.std())


def test_a_square_inside_the_picture_is_not_touched_by_the_fill():
    noise = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(2))
    patch = cut(noise, Square.from_box(4.5, 9.5, 24.5, 29.5), 20)
    torch.testing.assert_close(patch, noise[:, :, 10:30, 5:25], atol=1e-4, rtol=0)


def test_unusable_requests_are_refused():
    with pytest.raises(ITPortraitError, match="RGB"):
        cut(torch.zeros(3, 20, 20), Square((5.0, 5.0), (3.0, 0.0)), 8)
    with pytest.raises(ITPortraitError, match="size"):
        cut(torch.zeros(1, 3, 20, 20), Square((5.0, 5.0), (3.0, 0.0)), 100_000)
