"""Pose from points: exact where the model is, and within a few degrees on heads that a detector saw."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from itportrait_core.alignment.frame import DEEP3D_POINTS, portrait_frame
from itportrait_core.alignment.landmarks import Face, face_by_hand, five_from_mesh
from itportrait_core.alignment.pose_fit import FIVE_PITCH_OFFSET, estimate_pose, fit_pose, standard_face
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


def test_yaw_of_heads_that_the_detector_saw():
    """|yaw| up to 45, pitch up to 20 degrees; the heads did not help to locate the standard face."""
    truth = torch.stack(cameras.angles(SEEN["cameras"]), 1)
    fits = []
    for points in SEEN["points"].double():
        mesh = torch.cat((points, torch.zeros(468, 1).double()), 1)
        fits.append(estimate_pose(Face(five_from_mesh(mesh), mesh, 1.0)).rotation)
    found = torch.stack(cameras.angles(cameras.from_axes(torch.stack(fits))), 1)
    miss = (found - truth).abs()
    assert float(truth[:, 0].abs().max()) > 35.0
    assert float(miss[:, 0].mean()) < 2.5
    assert float(miss[:, 0].quantile(0.95)) < 5.0
    assert float((found - truth)[:, 1].mean().abs()) < 1.5
    assert float(miss[:, 2].mean()) < 2.5


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
    gap = cameras.rotation_difference_deg(cameras.unlevel(level, frame.roll), raw)
    assert float(gap) < 0.1


def test_points_on_a_line_have_no_pose():
    line = torch.linspace(0, 1, 5)[:, None] * torch.tensor([[1.0, 2.0]])
    with pytest.raises(ITPortraitError, match="line"):
        fit_pose(line, torch.tensor(DEEP3D_POINTS))
