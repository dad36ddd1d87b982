"""Cameras that make no sense are refused in words before anything is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from harness import stand_ins

from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.rendering import cameras
from itportrait_core.rendering.views import render_views

GOOD: dict[str, Any] = cameras.to_load3d(cameras.front())[0]
NAN, INFINITE = math.nan, math.inf


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zoom", None),
        ("zoom", "near"),
        ("zoom", NAN),
        ("zoom", 0),
        ("zoom", 10**400),
        ("zoom", 1e300),
        ("zoom", 5e-324),
        ("fov", 5e-324),
        ("fov", 10**400),
        ("position", {"x": 0, "y": 0, "z": 1e308}),
        ("position", {"x": 0, "y": 0, "z": -(10**400)}),
        ("quaternion", {"x": 1e308, "y": 1e308, "z": 0, "w": 0}),
        ("zoom", [1]),
        ("zoom", True),
        ("fov", "wide"),
        ("fov", NAN),
        ("fov", 0),
        ("fov", 180),
        ("fov", {}),
        ("position", None),
        ("position", [0, 0, 2.7]),
        ("position", {"x": 0, "y": 0}),
        ("position", {"x": None, "y": 0, "z": 1}),
        ("position", {"x": NAN, "y": 0, "z": 1}),
        ("position", {"x": 0, "y": 0, "z": 0}),
        ("position", {"x": 0, "y": 0.1, "z": 0.1}),
        ("quaternion", {"x": 0, "y": 0, "z": 0, "w": 0}),
        ("quaternion", {"x": "a", "y": 0, "z": 0, "w": 1}),
        ("quaternion", "none"),
        ("cameraType", "orthographic"),
        ("cameraType", [1]),
    ],
    ids=str,
)
def test_an_odd_camera_of_the_core_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ITPortraitError):
        cameras.from_load3d({**GOOD, field: value}, radius=cameras.RADIUS)


@pytest.mark.parametrize("info", [None, [], "front", 3])
def test_what_is_no_camera_is_refused(info: Any) -> None:
    with pytest.raises(ITPortraitError, match="LOAD3D_CAMERA"):
        cameras.from_load3d(info)


def test_a_camera_that_looks_along_its_own_place_is_refused() -> None:
    info = {**GOOD, "quaternion": None, "target": {"x": 0, "y": 9, "z": 2.7}}
    with pytest.raises(ITPortraitError, match="straight up or down"):
        cameras.from_load3d({**info, "position": {"x": 0, "y": 1, "z": 2.7}})


@pytest.mark.parametrize(
    "angles", [(NAN,), (0.0, NAN), (0.0, 0.0, INFINITE), ([],), ([0.0, -INFINITE],), (0.0, 86.0)]
)
def test_angles_that_are_no_numbers_are_refused(angles: tuple[Any, ...]) -> None:
    with pytest.raises(ITPortraitError):
        cameras.orbit(*angles)


@pytest.mark.parametrize("focal", [NAN, 0.0, -1.0])
def test_impossible_lenses_are_refused(focal: float) -> None:
    with pytest.raises(ITPortraitError, match="focal length"):
        cameras.orbit(0.0, focal=focal)


@pytest.mark.parametrize("path", [cameras.turntable, cameras.figure_eight])
@pytest.mark.parametrize("views", [0, -3])
def test_paths_have_a_view_at_least(path: Any, views: int) -> None:
    with pytest.raises(ITPortraitError, match="number of views"):
        path(views)


@pytest.mark.parametrize(
    "wrong",
    [
        {"yaw_deg": "left"},
        {"yaw_deg": None},
        {"yaw_deg": 10**400},
        {"yaw_deg": [1.0, 2.0], "pitch_deg": [1.0, 2.0, 3.0]},
        {"yaw_deg": 0.0, "radius": 0.0},
        {"yaw_deg": 0.0, "radius": 0.1},
        {"yaw_deg": 0.0, "radius": NAN},
        {"yaw_deg": 0.0, "radius": "far"},
        {"yaw_deg": 0.0, "pivot": (0.0, NAN, 0.0)},
        {"yaw_deg": 0.0, "pivot": (0.0,)},
        {"yaw_deg": 0.0, "pivot": None},
    ],
    ids=str,
)
def test_cameras_of_odd_values_or_inside_the_head_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ITPortraitError):
        cameras.orbit(**wrong)


@pytest.mark.parametrize(
    ("place", "value"),
    [(3, NAN), (3, INFINITE), (16, 0.0), (16, -1.0), (16, NAN), ((3, 7, 11), 0.01)],
    ids=str,
)
def test_labels_that_are_no_cameras_draw_nothing(place: Any, value: float) -> None:
    """As they may come in a portrait's file, or through a link."""
    label = cameras.front()
    label[0, list(place) if isinstance(place, tuple) else place] = value
    generator = stand_ins.generator().eval()
    with pytest.raises(ITPortraitError, match=r"[Cc]amera"):
        render_views(generator, sample_portrait(generator, 1).ws, label)
