"""The pose that the pocket pose network learns is the one that its users read back."""

from __future__ import annotations

import torch

from itportrait_core.pocket.training.warps import move
from itportrait_core.rendering import cameras


def test_deep3d_pose_is_the_inverse_of_from_deep3d() -> None:
    label = cameras.orbit(
        torch.tensor([0.0, 48.0, -37.0, 12.0], dtype=torch.float64),
        torch.tensor([0.0, -28.0, 15.0, 29.0], dtype=torch.float64),
        torch.tensor([0.0, 11.0, -9.0, 3.0], dtype=torch.float64),
    )
    back = cameras.from_deep3d(*cameras.to_deep3d(label))
    assert torch.allclose(back, label, atol=1e-9)


def test_deep3d_translation_stays_near_the_standard_distance() -> None:
    _, translation = cameras.to_deep3d(cameras.orbit([-50.0, 0.0, 50.0], [30.0, 0.0, -30.0]))
    assert translation.abs().max() < 1.5  # of 10: a network learns small numbers easily


def test_turned_picture_is_what_a_turned_camera_sees() -> None:
    """A point of the world falls on the same pixel in a moved picture and in the view of the rolled camera.
    A point of the world falls on the same pixel in a moved picture and in the view of the rolled camera.
    """
    point = torch.tensor([0.12, 0.18, 0.2])
    spot = []
    for roll in (0.0, 20.0):
        matrix = cameras.cam2world(cameras.orbit(10.0, 5.0, roll))[0]
        local = matrix[:3, :3].T @ (point - matrix[:3, 3])
        spot.append(cameras.FOCAL * local[:2] / local[2] + 0.5)
    side = 129
    picture = torch.ones(1, 3, side, side)
    column, row = (spot[0] * side).long().tolist()
    picture[:, :, row - 2 : row + 3, column - 2 : column + 3] = -1
    turned = move(picture, torch.tensor([20.0]), torch.zeros(1, 2), torch.ones(1))
    dark = (1 - turned[0, 0]) / (1 - turned[0, 0]).sum()
    centre = torch.stack([(dark.sum(k) * (torch.arange(side) + 0.5)).sum() / side for k in (0, 1)])
    assert torch.allclose(centre, spot[1], atol=1.0 / side)


def test_shift_moves_right_and_down_and_zoom_enlarges() -> None:
    picture = torch.ones(1, 3, 64, 64)
    picture[:, :, 28:36, 28:36] = -1
    moved = move(picture, torch.zeros(1), torch.tensor([[0.25, 0.125]]), torch.tensor([2.0]))
    rows, columns = torch.nonzero(moved[0, 0] < 0, as_tuple=True)
    assert abs(rows.float().mean() + 0.5 - 40) < 1
    assert abs(columns.float().mean() + 0.5 - 48) < 1
    assert columns.max() - columns.min() > 12
