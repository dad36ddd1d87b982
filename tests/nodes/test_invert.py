"""What the inversion node hands to the core: the picture in the frames of the networks that see it."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def modules(pack: ModuleType) -> tuple[ModuleType, ModuleType]:
    """`nodes/invert.py` and `nodes/alignments.py`."""
    return tuple(
        importlib.import_module(f"{pack.__name__}.nodes.{name}") for name in ("invert", "alignments")
    )


def test_a_pose_from_landmarks_seeks_the_face_on_the_picture_itself(modules) -> None:
    """With the embedded networks nothing needs the alignment, so the picture must do."""
    invert, align = modules
    picture = torch.zeros(1, 3, 32, 32)
    assert invert._aligned(picture, None, "landmarks").find_points is align.find_points
    assert invert._aligned(picture, None, "twin").find_points is None


def test_an_alignment_gives_the_cuts_of_both_frames(modules) -> None:
    invert, align = modules
    points = torch.tensor([[40.0, 50.0], [60.0, 50.0], [50.0, 62.0], [42.0, 72.0], [58.0, 72.0]]).double()
    handle = align.AlignmentHandle(torch.rand(1, 3, 100, 100) * 2 - 1, points, True, 64)
    found = invert._aligned(torch.zeros(1, 3, 32, 32), handle, "twin")
    assert found.image.shape == found.photo_frame.shape == (1, 3, 64, 64)
    assert not torch.equal(found.image, found.photo_frame) and found.realign is not None


def test_points_by_hand_need_no_detector(modules, monkeypatch) -> None:
    """Where the optional packages are missing, twins are cut by the usual square instead of failing."""
    invert, align = modules
    detector = importlib.import_module(
        align.__name__.replace("nodes.alignments", "itportrait_core.alignment.detector")
    )
    monkeypatch.setattr(detector, "find_spec", lambda name: None)
    points = torch.tensor([[40.0, 50.0], [60.0, 50.0], [50.0, 62.0], [42.0, 72.0], [58.0, 72.0]]).double()
    handle = align.AlignmentHandle(torch.rand(1, 3, 100, 100) * 2 - 1, points, True, 64)
    assert invert._aligned(torch.zeros(1, 3, 32, 32), handle, "twin").find_points is None


def test_widgets_left_alone_keep_what_suits_the_generator(modules) -> None:
    """Pivotal tuning shows the full-size step; a small generator's own is kept until somebody changes it."""
    fields = importlib.import_module(modules[0].__name__.replace("invert", "fields"))
    configs = importlib.import_module(
        modules[0].__name__.replace("nodes.invert", "itportrait_core.methods.configs")
    )
    default = configs.TuningConfig()
    assert fields.changed(configs.TuningConfig, lr=default.lr, depth=default.depth) == {}
    assert fields.changed(configs.TuningConfig, lr=0.002, depth=default.depth) == {"lr": 0.002}
