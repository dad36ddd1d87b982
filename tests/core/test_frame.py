"""Frames: the golden squares of the reference, and crops that show what the geometry says."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from itportrait_core.alignment import frame
from itportrait_core.alignment.frame import Square
from itportrait_core.errors import ITPortraitError

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_geometry.json").read_text())
MEAN = GOLDEN["mean_face_frames"]


def five_from_68(points: torch.Tensor, *, eye_contours: bool = False) -> torch.Tensor:
    """Five points of the 68-point markup `[68, 2]`; eyes from two corners or all six contour points."""
    first, second = (slice(36, 42), slice(42, 48)) if eye_contours else ([36, 39], [42, 45])
    eyes = (points[first].mean(0), points[second].mean(0))
    return torch.stack((*eyes, points[30], points[48], points[54])).double()


def points68(case: dict) -> torch.Tensor:
    return torch.tensor(case["landmarks68_xy_down"], dtype=torch.float64)


def box(square: Square) -> list[float]:
    return [*square.corners[0].tolist(), *square.corners[2].tolist()]


def flat(name: str) -> list[float]:
    (left, top), (right, bottom) = MEAN[name]
    return [left, top, right, bottom]


def turned(points: torch.Tensor, degrees: float, about: torch.Tensor) -> torch.Tensor:
    a = math.radians(degrees)
    spin = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]], dtype=torch.float64)
    return (points - about) @ spin.T + about


@pytest.mark.parametrize("case", GOLDEN["alignment"])
def test_ffhq_quad_of_the_reference(case):
    quad = frame.ffhq_quad(five_from_68(points68(case), eye_contours=True))
    assert quad.center == pytest.approx(case["ffhq_center"], abs=1e-9)
    assert quad.half == pytest.approx(case["ffhq_x"], abs=1e-9)
    want = torch.tensor(case["ffhq_quad_ul_ll_lr_ur"], dtype=torch.float64)
    torch.testing.assert_close(quad.corners, want, atol=1e-9, rtol=0)


@pytest.mark.parametrize("case", GOLDEN["alignment"])
def test_deep3d_fit_and_both_squares_of_the_reference(case):
    points = five_from_68(points68(case))
    up = torch.tensor(case["five_points_up"], dtype=torch.float64)
    last = case["image_size"] - 1
    torch.testing.assert_close(torch.stack((points[:, 0], last - points[:, 1]), 1), up, atol=1e-9, rtol=0)
    (x, y), scale = frame.deep3d_fit(points)
    assert (x, last - y) == pytest.approx(case["pos_t_up"], abs=1e-4)
    assert scale == pytest.approx(case["pos_s"], abs=1e-4)
    assert 102 / scale == pytest.approx(case["scale_224"], abs=1e-7)
    assert 300 / scale == pytest.approx(case["scale_1024"], abs=1e-7)
    assert box(frame.deep3d_square(points)) == pytest.approx(case["deep3d_box_xyxy"], abs=1e-3)
    assert box(frame.portrait_frame(points, level=False).eg3d) == pytest.approx(
        case["eg3d_box_xyxy"], abs=1e-3
    )


def test_squares_of_the_mean_face():
    """The reference drew this face with its perspective camera, so an affine fit misses it by under 1 %."""
    points = torch.tensor(MEAN["five_ffhq_unit"], dtype=torch.float64)
    eg3d = frame.portrait_frame(points, level=False).eg3d
    for name, square in (("eg3d", eg3d), ("deep3d", frame.deep3d_square(points))):
        assert box(square) == pytest.approx(flat(f"{name}_square_in_ffhq_unit"), abs=8e-3)
    inside = eg3d.to_unit(points)
    torch.testing.assert_close(inside, torch.tensor(MEAN["five_eg3d_unit"]).double(), atol=8e-3, rtol=0)


def test_the_identity_square_is_that_of_the_mean_face():
    assert list(frame.IDENTITY_BOX) == pytest.approx(flat("id_crop_eg3d_unit"), abs=1e-4)


def test_identity_crop_lands_on_the_arcface_template():
    points = torch.tensor(MEAN["five_ffhq_unit"], dtype=torch.float64) * 1024
    inside = frame.portrait_frame(points).identity.to_unit(points) * 112
    miss = (inside - torch.tensor(MEAN["arcface_template_112"]).double()).norm(dim=1)
    assert float(miss.max()) < 3.1


@pytest.mark.parametrize("case", GOLDEN["alignment"])
def test_portrait_frame_holds_the_ffhq_crop_in_its_middle(case):
    frames = frame.portrait_frame(five_from_68(points68(case)))
    edge = (1 - 1 / 1.8) / 2
    want = frames.portrait.inner(edge, edge, 1 - edge, 1 - edge)
    torch.testing.assert_close(frames.ffhq.corners, want.corners, atol=1e-9, rtol=0)
    assert frames.eg3d.roll == pytest.approx(frames.ffhq.roll)


@pytest.mark.parametrize("degrees", [-170.0, -35.0, 20.0, 90.0])
def test_frames_turn_with_the_face(degrees):
    points = five_from_68(points68(GOLDEN["alignment"][1]))
    about = torch.tensor([600.0, 600.0], dtype=torch.float64)
    still, moved = frame.portrait_frame(points), frame.portrait_frame(turned(points, degrees, about))
    for name in ("portrait", "ffhq", "deep3d", "eg3d", "identity"):
        want = turned(getattr(still, name).corners, degrees, about)
        torch.testing.assert_close(getattr(moved, name).corners, want, atol=1e-6, rtol=0)
    gap = (moved.roll - still.roll - degrees + 180) % 360 - 180
    assert gap == pytest.approx(0.0, abs=1e-6)


def test_frames_can_keep_the_pictures_own_orientation():
    points = five_from_68(points68(GOLDEN["alignment"][1]))
    frames = frame.portrait_frame(points, level=False)
    assert frames.roll == 0.0
    edges = frames.eg3d.corners - frames.eg3d.corners.roll(1, 0)
    assert all(float(edge.abs().min()) < 1e-6 for edge in edges)  # upright: every side is level or plumb


def test_unit_coordinates_survive_the_round_trip():
    square = Square((40.0, -7.0), (3.0, 9.0))
    points = torch.rand(10_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 500
    torch.testing.assert_close(square.to_picture(square.to_unit(points)), points, atol=1e-9, rtol=0)
    draw = torch.Generator().manual_seed(1)
    for _ in range(100):  # with the points of each: 10,000 trips through squares of any place and turn
        x, y, hx, hy = (torch.rand(4, generator=draw, dtype=torch.float64) * 500 + 1).tolist()
        square, some = Square((x, y), (hx, -hy)), points[:100]
        torch.testing.assert_close(square.to_picture(square.to_unit(some)), some, atol=1e-5, rtol=0)
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(square.to_unit(square.corners), corners, atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (torch.zeros(4, 2), "five points"),
        (torch.full((5, 2), float("nan")), "finite"),
        (torch.ones(5, 2), "one spot"),
        (torch.tensor([[1.0, 1], [1, 1], [2, 3], [1, 5], [3, 5]]), "one spot"),
    ],
)
def test_points_that_frame_no_face_are_refused(points, says):
    with pytest.raises(ITPortraitError, match=says):
        frame.portrait_frame(points)


@pytest.mark.parametrize(
    ("share", "aside", "framed"),
    [
        (1.0, 0.0, True),
        (0.8, 0.0, True),
        (0.8, 0.06, True),
        (0.8, 0.12, False),
        (0.4, 0.0, False),
        (1.3, 0.0, False),
    ],
)
def test_a_picture_is_framed_where_its_face_lies_as_generators_draw_it(share, aside, framed) -> None:
    """The generator's square is about the whole picture and in its middle; roll does not count."""
    points = torch.tensor([[190.0, 240.0], [320.0, 236.0], [258.0, 310.0], [205.0, 370.0], [312.0, 368.0]])
    square = frame.portrait_frame(points, level=False).eg3d
    side = 500
    middle = torch.tensor(square.center) - torch.tensor([aside * square.side / share, 0.0])
    moved = (points - middle) * share * side / square.side + side / 2
    assert frame.is_framed(moved, side) is framed
