"""Pose from points: exact where the model is, and within a few degrees on heads that a detector saw."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from itportrait_core.alignment.frame import DEEP3D_POINTS, portrait_frame
from itportrait_core.alignment.landmarks import Face, face_by_hand, five_from_mesh
from itportrait_core.alignment.pose_fit import FIVE_PITCH_OFFSET, MAX_TURN, estimate_pose, fit_pose, refine
from itportrait_core.alignment.standard_face import load, standard_face
from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras

SEEN = load_file(Path(__file__).parents[1] / "data" / "seen_heads.safetensors")
"""468 points that the detector found on rendered heads, and the cameras that saw them."""


def flat(model: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Points of a model as camera `c [1, 25]` sees them without perspective, y down."""
    axes = cameras.cam2world(c.double())[0, :3, :3]
    return model.double() @ axes[:, :2] * 37.0 + torch.tensor([120.0, 80.0]).double()


def pinhole(model: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """The same with perspective, `[K, 2]` in 0..1."""
    matrix = cameras.cam2world(c.double())[0]
    eye = (model.double() - matrix[:3, 3]) @ matrix[:3, :3]
    return eye[:, :2] / eye[:, 2:] * 4.2647 + 0.5


@pytest.mark.parametrize("yaw", [-80.0, -30.0, 0.0, 45.0])
@pytest.mark.parametrize("roll", [-170.0, 0.0, 25.0])
@pytest.mark.parametrize("model", [standard_face(), torch.tensor(DEEP3D_POINTS)], ids=["mesh", "five"])
def test_without_perspective_the_pose_is_exact(model, yaw, roll):
    c = cameras.orbit(yaw, 12.0, roll)
    fit = fit_pose(flat(model, c), model)
    torch.testing.assert_close(cameras.from_axes(fit.rotation[None]), c, atol=1e-5, rtol=0)
    assert fit.residual < 1e-6


@pytest.mark.parametrize("yaw", [-45.0, -20.0, 0.0, 35.0])
def test_perspective_of_these_cameras_costs_little(yaw):
    model = standard_face() * 0.13 + torch.tensor([0.0, 0.0, 0.2])
    c = cameras.orbit(yaw, 8.0)
    fit = fit_pose(pinhole(model, c), standard_face())
    assert float(cameras.rotation_difference_deg(cameras.from_axes(fit.rotation[None]), c)) < 1.5


def poses(points: torch.Tensor) -> torch.Tensor:
    """Yaw, pitch and roll `[n, 3]` that are read from points `[n, 468, 2]`."""
    fits = []
    for flat_points in points.double():
        mesh = torch.cat((flat_points, torch.zeros(468, 1).double()), 1)
        fits.append(estimate_pose(Face(five_from_mesh(mesh), mesh, 1.0)).rotation)
    return torch.stack(cameras.angles(cameras.from_axes(torch.stack(fits))), 1)


def test_yaw_of_heads_that_the_detector_saw():
    """|yaw| up to 45, pitch up to 20 degrees; the heads did not help to locate the standard face."""
    truth = torch.stack(cameras.angles(SEEN["cameras"]), 1)
    miss = poses(SEEN["points"]) - truth
    assert float(truth[:, 0].abs().max()) > 40.0
    assert float(miss[:, 0].abs().mean()) < 1.7
    assert float(miss[:, 0].abs().quantile(0.95)) < 4.0
    assert float(miss[:, 1].abs().mean()) < 3.0
    assert float(miss[:, 1].mean().abs()) < 1.0
    assert float(miss[:, 2].abs().mean()) < 1.2


def test_a_mirrored_face_turns_the_other_way():
    """The slant of neither the point network nor our heads is learned."""
    partner = load().mirror
    seen = poses(SEEN["points"][:16])
    other = poses(SEEN["points"][:16, partner] * torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(other, seen * torch.tensor([-1.0, 1.0, -1.0]), atol=0.8, rtol=0)
    assert torch.equal(partner[partner], torch.arange(468))


def test_a_leaning_picture_leans_the_pose_and_nothing_else():
    angle = torch.deg2rad(torch.tensor(35.0))
    turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos())).view(2, 2)
    straight, leaning = poses(SEEN["points"][:16]), poses(SEEN["points"][:16].float() @ turn.T)
    torch.testing.assert_close(leaning[:, :2], straight[:, :2], atol=0.01, rtol=0)
    torch.testing.assert_close(leaning[:, 2] - straight[:, 2], torch.full((16,), -35.0), atol=0.01, rtol=0)


def test_no_residual_turns_a_pose_far():
    """Points that are no face at all stay near their plain fit."""
    points = torch.rand(468, 2, generator=torch.Generator().manual_seed(0)) * 100
    plain = fit_pose(points, standard_face())
    gap = cameras.rotation_difference_deg(
        *(cameras.from_axes(fit.rotation[None]) for fit in (plain, refine(plain, points)))
    )
    assert float(gap) <= math.degrees(MAX_TURN) + 0.01


def test_five_points_by_hand_give_a_pose_too():
    c = cameras.orbit(-25.0, 0.0)
    face = face_by_hand(flat(torch.tensor(DEEP3D_POINTS), c))
    yaw, pitch, _ = cameras.angles(cameras.from_axes(estimate_pose(face).rotation[None]))
    assert float(yaw) == pytest.approx(-25.0, abs=1.0)
    assert float(pitch) == pytest.approx(-FIVE_PITCH_OFFSET, abs=1.0)


def test_in_the_portrait_frame_a_leaning_head_stands_upright():
    c = cameras.orbit(15.0, 5.0, -40.0)
    points = flat(torch.tensor(DEEP3D_POINTS), c)
    frame = portrait_frame(points)
    level = cameras.from_axes(estimate_pose(face_by_hand(points), frame).rotation[None])
    assert abs(float(cameras.angles(level)[2])) < 6.0
    raw = cameras.from_axes(estimate_pose(face_by_hand(points)).rotation[None])
    gap = cameras.rotation_difference_deg(level, raw)
    assert float(gap) == pytest.approx(abs(frame.roll), abs=0.1)


def test_points_on_a_line_have_no_pose():
    line = torch.linspace(0, 1, 5)[:, None] * torch.tensor([[1.0, 2.0]])
    with pytest.raises(ITPortraitError, match="line"):
        fit_pose(line, torch.tensor(DEEP3D_POINTS))
