"""Cameras: every golden label of the reference, and labels that survive each conversion there and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_geometry.json").read_text())
TRIPS = 10_000


def random_orbits(n: int = TRIPS) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    u = torch.rand(3, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 2 - 1
    return 179.0 * u[0], 80.0 * u[1], 179.0 * u[2]


@pytest.mark.parametrize("case", GOLDEN["deep3d_to_label"])
def test_deep3d_pose_becomes_the_reference_label_and_mirror(case):
    angle, trans = (torch.tensor([case[k]], dtype=torch.float64) for k in ("angle", "trans"))
    label = cameras.from_deep3d(angle, trans)
    want, mirrored = (torch.tensor(case[k], dtype=torch.float64) for k in ("label", "mirror_pose"))
    torch.testing.assert_close(label[0], want, atol=1e-12, rtol=0)
    torch.testing.assert_close(cameras.mirror(label)[0, :16], mirrored, atol=1e-12, rtol=0)


def test_deep3d_poses_survive_the_way_to_a_label_and_back():
    yaw, pitch, roll = random_orbits()
    label = cameras.orbit(yaw / 2.0, pitch, roll).double()
    again = cameras.from_deep3d(*cameras.to_deep3d(label))
    torch.testing.assert_close(again, label, atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", GOLDEN["lookat_radius2.7_pivot_0_0_0.2"])
def test_look_at_repeats_the_sampler_of_eg3d_with_its_pitch_remap(case):
    label = cameras.look_at(math.pi / 2 + case["yaw_arg"], math.pi / 2 + case["pitch_arg"])
    torch.testing.assert_close(label[0, :16], torch.tensor(case["cam2world"]), atol=1e-6, rtol=0)
    yaw, pitch, roll = cameras.angles(label)
    assert float(yaw) == pytest.approx(case["true_azimuth_deg"], abs=1e-4)
    assert float(pitch) == pytest.approx(case["true_elevation_deg"], abs=1e-4)
    assert float(roll) == pytest.approx(0.0, abs=1e-4)
    remapped = float(cameras.eg3d_pitch(math.degrees(case["pitch_arg"])))
    assert remapped == pytest.approx(case["true_elevation_deg"], abs=1e-4)


def test_angles_survive_the_label():
    given = random_orbits()
    for got, want in zip(cameras.angles(cameras.orbit(*given)), given, strict=True):
        torch.testing.assert_close(got, want, atol=1e-9, rtol=0)


def test_float32_labels_survive_their_angles():
    label = cameras.orbit(*(a.float() for a in random_orbits()))
    assert label.dtype == torch.float32
    torch.testing.assert_close(cameras.orbit(*cameras.angles(label)), label, atol=1e-5, rtol=0)


def test_labels_survive_core_cameras():
    label = cameras.orbit(*random_orbits(), radius=2.7, focal=torch.linspace(1.0, 9.0, TRIPS)).float()
    back = torch.cat([cameras.from_load3d(info) for info in cameras.to_load3d(label)])
    torch.testing.assert_close(back, label, atol=1e-5, rtol=0)


def test_core_cameras_survive_labels():
    label = cameras.orbit([30.0, -170.0], [10.0, -60.0], [5.0, 0.0])
    for info in cameras.to_load3d(label):
        again = cameras.to_load3d(cameras.from_load3d(info))[0]
        for field in ("position", "target", "quaternion"):
            assert again[field] == pytest.approx(info[field], abs=1e-5)
        assert again["fov"] == pytest.approx(13.37, abs=5e-3)


def test_cameras_of_old_servers_without_quaternion_and_fov():
    label = cameras.orbit([20.0, -40.0], [15.0, 3.0])
    for row, info in zip(label, cameras.to_load3d(label), strict=True):
        old = {k: info[k] for k in ("position", "target", "zoom", "cameraType")}
        torch.testing.assert_close(cameras.from_load3d(old)[0], row, atol=1e-5, rtol=0)
        assert float(cameras.from_load3d(old | {"zoom": 2})[0, 16]) == pytest.approx(2 * 4.2647, abs=1e-5)


def test_far_viewer_camera_is_brought_to_the_generators_distance():
    info = {"position": {"x": 5.0, "y": 5.0, "z": 10.0}, "target": {"x": 0, "y": 0, "z": 0}, "zoom": 1}
    label = cameras.from_load3d(info, radius=2.7)
    assert float(cameras.cam2world(label)[0, :3, 3].norm()) == pytest.approx(2.7, abs=1e-6)
    assert float(cameras.angles(label)[0]) == pytest.approx(math.degrees(math.atan2(5, 10)), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"position": None}, "position"),
        ({"cameraType": "orthographic"}, "perspective"),
        ({"zoom": 0}, "zoom"),
        ({"fov": 180}, "fov"),
        ({"quaternion": None, "target": {"x": 0, "y": 9, "z": 2.7}}, "straight up"),
        ({"position": {"x": float("nan"), "y": 0, "z": 0}}, "finite"),
    ],
)
def test_broken_core_cameras_are_refused_by_name(change, says):
    info = cameras.to_load3d(cameras.front())[0] | change
    with pytest.raises(ITPortraitError, match=says):
        cameras.from_load3d(info)


def test_orbit_axes_mean_what_they_say():
    c = cameras.orbit([0.0, 30.0, 0.0, 0.0], [0.0, 0.0, 20.0, 0.0], [0.0, 0.0, 0.0, 10.0])
    front, side, above, rolled = cameras.cam2world(c)
    torch.testing.assert_close(front[:3, 3], torch.tensor([0.0, 0.0, 2.7]))
    assert side[0, 3] > 0 and above[1, 3] > 0
    assert rolled[1, 0] < 0  # clockwise: the right axis dips
    head_up = rolled[:3, :3].T @ torch.tensor([0.0, 1.0, 0.0])
    assert head_up[0] < 0  # and the picture leans to the left
    lens = torch.tensor([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1])
    torch.testing.assert_close(c[:, 16:], lens.expand(4, 9))


def test_orbit_broadcasts_numbers_lists_and_tensors_and_carries_gradients():
    assert cameras.orbit(3).shape == (1, 25)
    assert cameras.orbit([1, 2, 3], 5.0).shape == (3, 25)
    yaw = torch.zeros(2, requires_grad=True)
    cameras.orbit(yaw, [1.0, 2.0])[:, 3].sum().backward()
    torch.testing.assert_close(yaw.grad, 2.7 * torch.deg2rad(torch.tensor([1.0, 1.0])), atol=1e-4, rtol=0)


def test_mirror_is_the_camera_on_the_other_side_and_its_own_inverse():
    c = cameras.orbit([25.0, -60.0], [10.0, -5.0], [4.0, -8.0])
    torch.testing.assert_close(cameras.mirror(c), cameras.orbit([-25.0, 60.0], [10.0, -5.0], [-4.0, 8.0]))
    many = cameras.orbit(*random_orbits())
    torch.testing.assert_close(cameras.mirror(cameras.mirror(many)), many, atol=1e-9, rtol=0)


def test_rotation_difference_is_exact_for_small_and_large_turns():
    c = cameras.orbit([0.0, 0.0, 0.0], [0.0] * 3, torch.tensor([0.01, 90.0, 180.0], dtype=torch.float64))
    got = cameras.rotation_difference_deg(cameras.front().double(), c)
    torch.testing.assert_close(got, torch.tensor([0.01, 90.0, 180.0], dtype=torch.float64), atol=1e-4, rtol=0)


def test_sampled_views_fill_the_strata_and_repeat_with_the_seed():
    first = cameras.sample_views(9, rng=torch.Generator().manual_seed(1))
    again = cameras.sample_views(9, rng=torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    yaw, pitch, _ = cameras.angles(first)
    edges = torch.linspace(-50, 50, 10)
    assert bool(((yaw > edges[:-1] - 1e-3) & (yaw < edges[1:] + 1e-3)).all())
    assert float(pitch.abs().max()) <= 30.001
    eg3d = cameras.sample_views(200, pitch_convention="eg3d", rng=torch.Generator().manual_seed(1))
    assert 18.0 < float(cameras.angles(eg3d)[1].abs().max()) <= 19.48


def test_presets_start_at_the_front_and_close_their_loops():
    table = cameras.turntable(8)
    torch.testing.assert_close(table[:1], cameras.front())
    steps = cameras.rotation_difference_deg(table, table.roll(1, 0))
    assert float(steps.max() - steps.min()) < 15.0  # the pivot lies off the axis, so steps differ a little
    assert cameras.grid([-20, 0, 20], [10, -10]).shape == (6, 25)
    yaw, pitch, _ = cameras.angles(cameras.grid([-20, 0, 20], [10, -10]))
    assert yaw[0] < -19.9 and yaw[2] > 19.9 and pitch[0] > 9.9 and pitch[3] < -9.9
    eight = cameras.angles(cameras.figure_eight(16, 30.0, 12.0))
    assert float(eight[0].max()) == pytest.approx(30.0, abs=1e-3)
    assert float(eight[1].max()) == pytest.approx(12.0, abs=1e-3)


def test_unusable_requests_are_refused():
    with pytest.raises(ITPortraitError, match="Pitch"):
        cameras.orbit(0, 89)
    with pytest.raises(ITPortraitError, match="orbit"):
        cameras.angles(torch.zeros(2, 16))
    with pytest.raises(ITPortraitError, match="convention"):
        cameras.sample_views(1, rng=torch.Generator(), pitch_convention="degrees")


def test_axes_give_back_the_camera_that_looks_at_the_pivot():
    c = cameras.orbit(*(a.double() for a in random_orbits(1000)))
    matrix = cameras.cam2world(c)[:, :3, :3]
    rows = torch.stack((matrix[:, :, 0], -matrix[:, :, 1], -matrix[:, :, 2]), 1)
    torch.testing.assert_close(cameras.from_axes(rows), c.float(), atol=1e-5, rtol=0)
