"""The pose as a turn and a shift on the camera's sphere (Eq. 4), and the ramp of step sizes."""

from __future__ import annotations

import math

import pytest
import torch

from itportrait_core.methods.inversion.pose_residual import PoseResidual
from itportrait_core.methods.shared.schedule import ramp
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


def test_a_pose_residual_of_zero_is_the_start():
    start = cameras.orbit([20.0, -40.0], [10.0, -5.0], [3.0, 0.0])
    assert torch.allclose(PoseResidual(start, 20.0).labels(), start, atol=1e-6)


def test_pose_residuals_keep_camera_on_the_sphere_with_a_rotation():
    start = cameras.orbit([20.0], [10.0])
    pose = PoseResidual(start, 20.0)
    with torch.no_grad():
        pose.omega.copy_(torch.tensor([[0.05, -0.1, 0.02]]))
        pose.tau.copy_(torch.tensor([[0.2, 0.1, -0.3]]))
    label = pose.labels().detach()
    matrix = label[:, :16].view(4, 4)
    assert float(matrix[:3, 3].norm()) == pytest.approx(2.7, abs=1e-5)
    assert torch.allclose(matrix[:3, :3] @ matrix[:3, :3].T, torch.eye(3), atol=1e-5)
    turned = float(cameras.rotation_difference_deg(label, start))
    assert turned == pytest.approx(math.degrees(float(pose.omega.detach().norm())), abs=1e-3)


def test_turns_are_clamped():
    pose = PoseResidual(cameras.front(2), 20.0)
    with torch.no_grad():
        pose.omega.copy_(torch.tensor([[1.0, 1.0, 0.0], [0.1, 0.0, 0.0]]))
    pose.clamp()
    assert pose.omega.detach().norm(dim=1).tolist() == pytest.approx([math.radians(20.0), 0.1])


def test_pose_gradient_agrees_with_finite_differences(generator):
    double = tiny_generator().double()
    ws = double.mapping(torch.ones(1, 8, dtype=torch.float64), cameras.front().double())

    def value(omega: torch.Tensor) -> torch.Tensor:
        pose = PoseResidual(cameras.orbit(15.0).double(), 20.0)
        pose.omega = omega
        return double.synthesis(ws, pose.labels()).image_depth.mean()

    omega = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    value(omega).backward()
    step = torch.zeros(1, 3, dtype=torch.float64)
    step[0, 1] = 1e-5
    by_hand = float(((value(step) - value(-step)) / 2e-5).detach())
    assert float(omega.grad[0, 1]) == pytest.approx(by_hand, rel=1e-2, abs=1e-6)


def test_ramp_is_the_published_one():
    """docs/method.md#inversion: (1/2 - 1/2 cos(pi min(1, (1-t)/0.25))) min(1, t/0.05)."""
    assert ramp(0.0, 0.05, 0.25) == 0.0 and ramp(0.5, 0.05, 0.25) == 1.0
    assert ramp(0.025, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(0.875, 0.05, 0.25) == pytest.approx(0.5)
    assert ramp(1.0, 0.05, 0.25) == pytest.approx(0.0)
