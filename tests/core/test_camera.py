"""`Camera`: the 25 numbers of a label have one place that knows what each of them is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import itportrait_core
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.camera import Camera
from itportrait_core.rendering import cameras


def test_parts_give_the_camera_back():
    label = cameras.orbit([20.0, -35.0], [10.0, -5.0], 3.0, focal=[4.0, 5.0])
    camera = Camera(label)
    again = Camera.from_matrices(camera.rotation, camera.position, camera.focal)
    assert torch.equal(again.label, label)
    assert torch.equal(camera.cam2world[:, :3, 3], camera.position)
    assert camera.focal.tolist() == [4.0, 5.0] and torch.equal(camera.intrinsics[:, 1, 1], camera.focal)


def test_another_focal_length_leaves_the_rest_and_the_original():
    label = cameras.orbit([20.0, -35.0])
    before = label.clone()
    wide = Camera(label).with_focal(2.5)
    assert torch.equal(label, before) and wide.focal.tolist() == [2.5, 2.5]
    assert torch.equal(Camera.from_matrices(wide.rotation, wide.position, cameras.FOCAL).label, label)
    assert Camera(label).with_focal(torch.tensor([2.0, 3.0])).intrinsics[:, 1, 1].tolist() == [2.0, 3.0]


def test_gradients_reach_pose_and_focal_length():
    rotation, position, focal = torch.eye(3)[None], torch.tensor([[0.0, 0.0, 2.7]]), torch.tensor([4.0])
    for part in (rotation, position, focal):
        part.requires_grad_()
    Camera.from_matrices(rotation, position, focal).label.square().sum().backward()
    assert all(float(part.grad.abs().sum()) > 0 for part in (rotation, position, focal))


def test_other_shapes_are_refused():
    with pytest.raises(ITPortraitError, match=r"\[N, 25\]"):
        Camera(torch.zeros(25))


def test_no_other_file_knows_the_columns():
    """Columns 16 and 20, the focal lengths, are read through `Camera` alone."""
    root = Path(itportrait_core.__file__).parent
    magic = []
    for file in sorted({*root.rglob("*.py")} - {root / "networks/camera.py"}):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
                last = node.slice.elts[-1]
                numbers = [n.value for n in ast.walk(last) if isinstance(n, ast.Constant)]
                first = node.slice.elts[0]
                if isinstance(first, ast.Slice) and numbers and set(numbers) <= {16, 20, 25}:
                    magic.append(f"{file.relative_to(root)}:{node.lineno}")
    assert magic == []
