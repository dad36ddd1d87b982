"""Pictures are moved a little, all of a batch alike, before CLIP sees them."""

from __future__ import annotations

import torch

from itportrait_core.guidance.augment import SHIFT, ZOOM, augment, draw_augmentation


def test_all_pictures_of_a_batch_are_moved_alike_and_a_little():
    image = torch.zeros(1, 3, 40, 40)
    image[..., 15:25, 15:25] = 1.0
    affine = draw_augmentation(torch.Generator().manual_seed(4))
    moved = augment(image.repeat(2, 1, 1, 1), affine)
    assert torch.equal(moved[0], moved[1]) and not torch.equal(moved[:1], image)
    assert torch.equal(affine, draw_augmentation(torch.Generator().manual_seed(4)))
    assert 0.6 < float(moved[0].sum() / image.sum()) < 1.6


def test_augmentations_stay_in_their_range_and_use_it():
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([draw_augmentation(rng) for _ in range(200)])
    zoom, move = 1 / drawn[:, 0, 0], drawn[:, :, 2]
    assert ZOOM[0] <= zoom.min() < 0.95 and 1.15 < zoom.max() <= ZOOM[1]
    assert 0.9 * SHIFT < move.abs().max() <= SHIFT
    assert torch.equal(drawn[:, 0, 0], drawn[:, 1, 1]) and not drawn[:, 0, 1].any()


def test_nudging_goes_on_with_the_colour_of_the_edge():
    white = torch.ones(1, 3, 24, 24)
    rng = torch.Generator().manual_seed(0)
    assert all(torch.allclose(augment(white, draw_augmentation(rng)), white) for _ in range(20))
