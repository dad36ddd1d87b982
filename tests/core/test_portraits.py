"""True pictures and fields of the pocket portraits."""

from __future__ import annotations

import importlib
from dataclasses import fields

import numpy as np
import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.pocket.attributes import APPEARANCE, DIMS, GEOMETRY, Z_DIM, Attributes, attributes
from itportrait_core.rendering import cameras

numba = pytest.importorskip("numba")
portraits = importlib.import_module("itportrait_core.pocket.render")

COLOR_FIELDS = {"skin_tone", "complexion", "iris", "hair_color", "hair_shade", "clothes", "accent"}
COLOR_FIELDS |= {"light_side", "light_height"}


def people(count: int, seed: int = 0) -> Attributes:
    return attributes(torch.randn(count, Z_DIM, generator=torch.Generator().manual_seed(seed)))


def test_geometry_and_appearance_split_all_dimensions() -> None:
    assert sorted(GEOMETRY + APPEARANCE) == list(range(Z_DIM)) and len(DIMS) == Z_DIM


def test_mixing_latents_mixes_attributes_without_crosstalk() -> None:
    rng = torch.Generator().manual_seed(1)
    first, second = torch.randn(2, 64, Z_DIM, generator=rng)
    mixed = first.clone()
    mixed[:, APPEARANCE] = second[:, APPEARANCE]
    a, b, m = attributes(first), attributes(second), attributes(mixed)
    for f in fields(Attributes):
        source = b if f.name in COLOR_FIELDS else a
        np.testing.assert_array_equal(getattr(m, f.name), getattr(source, f.name), err_msg=f.name)


def test_accessories_are_frequent_enough_to_be_learned() -> None:
    a = people(4000)
    shares = {"glasses": (0.35, a.glasses > 0), "hat": (0.2, a.hat > 0), "beard": (0.33, a.beard > 0)}
    for name, (wanted, seen) in shares.items():
        assert abs(seen.mean() - wanted) < 0.04, name
    assert np.bincount(a.hair_style, minlength=4).min() > 400
    assert np.bincount(a.hair_color, minlength=6).min() > 400


def test_every_style_draws_a_head_on_white_and_its_depth() -> None:
    a, camera = people(1), cameras.orbit(20.0, 5.0)
    for style in portraits.STYLES:
        truth = portraits.render(a, camera, style, 48, supersample=1)
        assert truth.image.shape == (1, 3, 48, 48) and truth.depth.shape == (1, 1, 48, 48)
        assert truth.image.min() >= -1 and truth.image.max() <= 1
        assert torch.all(truth.image[0, :, 0, 0] == 1), style
        inside = truth.depth[truth.mask > 0]
        assert 0.25 < truth.mask.mean() < 0.8 and inside.min() > 2.0 and inside.max() < 3.3
        assert torch.all(truth.depth[truth.mask == 0] == 0)


def test_depth_lies_on_the_surface_of_the_field_and_shows_its_colour() -> None:
    a, camera = people(2, 3), cameras.orbit([-30.0, 30.0], 10.0)
    truth = portraits.render(a, camera, "photo", 32, supersample=1)
    step = (torch.arange(32) + 0.5) / 32
    v, u = torch.meshgrid(step, step, indexing="ij")
    local = torch.stack([(u - 0.5) / 4.2647, (v - 0.5) / 4.2647, torch.ones_like(u)], -1).reshape(-1, 3)
    local = local / local.norm(dim=-1, keepdim=True)
    pose = camera[:, :16].reshape(-1, 4, 4)
    rays = torch.einsum("bij,nj->bni", pose[:, :3, :3].float(), local)
    points = pose[:, None, :3, 3].float() + truth.depth.reshape(2, -1, 1) * rays
    distance, color = portraits.field(a, points)
    seen = truth.mask.reshape(2, -1) > 0
    assert distance[seen].abs().max() < 0.003
    shown = truth.image.permute(0, 2, 3, 1).reshape(2, -1, 3) / 2 + 0.5
    assert (color - shown)[seen].abs().mean() < 0.01


def test_portraits_stay_inside_the_box() -> None:
    side = torch.linspace(-0.5, 0.5, 12)
    u, v = torch.meshgrid(side, side, indexing="ij")
    wall = torch.full_like(u, 0.5)
    walls = [
        torch.stack(w, -1) for s in (-1, 1) for w in ((s * wall, u, v), (u, s * wall, v), (u, v, s * wall))
    ]
    points = torch.cat([w.reshape(-1, 3) for w in walls])[None].expand(24, -1, -1)
    distance, _ = portraits.field(people(24, 5), points, within=0.0)
    assert distance.min() > 0.005


def test_eyes_lie_where_the_portrait_frame_expects_them() -> None:
    truth = portraits.render(people(16, 2), cameras.front().expand(16, -1), "photo", 64, supersample=1)
    box = truth.face_box / 64
    assert torch.all(box[:, 0] < 0.39) and torch.all(box[:, 2] > 0.61)
    assert torch.all(box[:, 1] < 0.43) and torch.all((box[:, 3] > 0.6) & (box[:, 3] < 0.9))


def test_random_looks_depend_on_their_seed_alone() -> None:
    a, camera = people(2), cameras.front().expand(2, -1)
    one, same, other = (
        portraits.render(a, camera, portraits.RandomStyle(seed), 24, supersample=1).image
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert (one - other).abs().mean() > 0.02 and (one[0] - one[1]).abs().mean() > 0.02


def test_misfits_are_named() -> None:
    with pytest.raises(ITPortraitError, match="2 portraits"):
        portraits.render(people(2), cameras.orbit([0.0, 10.0, 20.0]))
    with pytest.raises(ITPortraitError, match="cubism"):
        portraits.render(people(1), cameras.front(), "cubism", 16)
    with pytest.raises(ITPortraitError, match="give"):
        portraits.field(people(2), torch.zeros(1, 4, 3))


def test_ink_does_not_run_around_the_picture() -> None:
    """The lower edge cuts every head; that leaves no line at the upper edge."""
    bald = people(4).replace(hat=0, hair_style=3)
    image = portraits.render(bald, cameras.orbit([0.0] * 4), "cartoon", 64).image
    assert float(image[:, :, 0].min()) > 0.99
