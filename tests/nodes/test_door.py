"""Every input of every node refuses what it cannot use, in words that name the node and the input."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
from types import ModuleType
from typing import Any

import pytest
import torch

ODD: list[Any] = [
    None, True, "x\ud800", "nan", "", math.nan, math.inf, -math.inf, -(2**70), 2**70, 1.5, [], ["1", 0], [[]],
    {}, {"a": 1}, b"x", object(), torch.zeros(2), torch.full((1, 32, 32, 3), math.nan),
    torch.zeros(0, 4, 4, 3), "x" * 200_001,
]  # fmt: skip


@pytest.fixture(scope="session")
def door(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.door")


def all_inputs(pack: ModuleType) -> list[tuple[Any, Any]]:
    nodes = importlib.import_module(f"{pack.__name__}.nodes").NODES
    return [(node, item) for node in nodes for item in node.define_schema().inputs]


def test_odd_values_are_refused_by_name_at_every_input(pack: ModuleType, door: ModuleType) -> None:
    """A value is either of the input's kind or refused; nothing raises anything else."""
    refused = 0
    for node, item in all_inputs(pack):
        title = node.define_schema().display_name
        for value in ODD:
            try:
                door.check(node, {item.id: value})
            except ValueError as error:
                assert title in str(error) and repr(item.id) in str(error) and "wanted" in str(error)
                assert len(str(error)) < 700
                refused += 1
    assert refused > 1500


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "nan", None, [0.5], True], ids=str)
def test_no_number_input_takes_what_is_no_number(pack: ModuleType, door: ModuleType, value: Any) -> None:
    """ComfyUI itself lets "nan" pass its ranges."""
    from comfy_api.latest import io

    numbers = [(n, i) for n, i in all_inputs(pack) if isinstance(i, (io.Float.Input, io.Int.Input))]
    assert len(numbers) > 40
    for node, item in numbers:
        if value is not None or not item.optional:
            with pytest.raises(ValueError, match="number"):
                door.check(node, {item.id: value})


def test_defaults_fit(pack: ModuleType, door: ModuleType) -> None:
    for node, item in all_inputs(pack):
        if getattr(item, "default", None) is not None:
            door.check(node, {item.id: item.default})


def test_the_check_stands_before_every_input_of_every_node(pack: ModuleType, door: ModuleType) -> None:
    """However a node's code takes an input: by name, or among others."""
    guarded = 0
    for node, item in all_inputs(pack):
        if door.unfit(item, object()):
            with pytest.raises(ValueError, match=rf"input {item.id!r}: .* is wanted"):
                node.execute(**{item.id: object()})
            guarded += 1
    assert guarded > 170


def test_only_views_have_no_check(pack: ModuleType, door: ModuleType) -> None:
    """What the door lets pass whatever it is: sockets of views, which carry nothing."""
    open_ones = {item.get_io_type() for _, item in all_inputs(pack) if not door.unfit(item, object())}
    assert all("VIEW" in kind for kind in open_ones), open_ones


WRONG = [None, True, "x", "nan", [], [[]], [1, "x"], {}, {"a": []}, -1, 1e308, 10**30, 1.5, [10**300], "\x00"]


def test_method_settings_refuse_in_words(pack: ModuleType) -> None:
    """Every field of every method with values of every kind: it is taken, or refused by its name."""
    settings = importlib.import_module(f"{pack.__name__}.nodes.settings").MethodSettings
    configs = importlib.import_module(f"{pack.__name__}.itportrait_core.methods.configs")
    refused = 0
    for method in ("inversion", "apt", "ite", "tuning"):
        for field in dataclasses.fields(configs.preset(method, "paper")):
            for value in WRONG:
                try:
                    settings.execute("paper", json.dumps({method: {field.name: value}}))
                except ValueError as error:
                    assert field.name in str(error), (field.name, value, error)
                    refused += 1
    assert refused > 500
    for text in (
        "[",
        "5",
        "[1]",
        "null",
        '{"apt": 5}',
        '{"apt": [[]]}',
        '{"x": {}}',
        '{"apt": {"": 1}}',
        "NaN",
    ):
        with pytest.raises(ValueError, match=r"JSON|no method|no setting"):
            settings.execute("paper", text)


@pytest.mark.parametrize("name", ["vertex_colors", "normals"])
@pytest.mark.parametrize(
    "part",
    [torch.zeros(3), torch.zeros(1, 2, 3), torch.zeros(1, 3, 2), torch.full((1, 3, 3), math.nan), "red"],
    ids=lambda part: str(getattr(part, "shape", part)),
)
def test_a_mesh_with_odd_parts_is_refused(pack: ModuleType, door: ModuleType, name: str, part: Any) -> None:
    """As another node may give it through a link."""
    from comfy_api.latest import Types

    node = importlib.import_module(f"{pack.__name__}.nodes.mesh").SaveMesh
    mesh = Types.MESH(vertices=torch.rand(1, 3, 3), faces=torch.tensor([[[0, 1, 2]]]))
    door.check(node, {"mesh": mesh})
    setattr(mesh, name, part)
    with pytest.raises(ValueError, match="a mesh with vertices"):
        door.check(node, {"mesh": mesh})
