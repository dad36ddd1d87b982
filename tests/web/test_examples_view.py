"""What an artist meets first: examples whose nodes lie free, and a blueprint with five controls."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from harness import workflows
from harness.editor import Editor

NAME = "One-click portrait style"
LABELS = [
    "What the text changes",
    "Text over picture (%)",
    "Steps (0 = automatic)",
    "Look round (degrees)",
    "Seed",
]
BOXES = """() => app.graph._nodes.map((node) => {
    const [left, y] = node.pos, [width, height] = node.size;
    const id = `${node.id} ${node.type}`;
    return { id, left, right: left + width, top: y - 30, bottom: y + height }; })"""
"""Nodes as they are drawn: the editor makes a node larger where its widgets need the room."""
FIT = """() => {
    const boxes = [...app.graph._groups, ...app.graph._nodes].map((item) => [...item.pos, ...item.size]);
    const [left, top] = [0, 1].map((i) => Math.min(...boxes.map((box) => box[i])) - 60);
    const [right, bottom] = [0, 1].map((i) => Math.max(...boxes.map((box) => box[i] + box[i + 2])) + 60);
    const view = app.canvas.ds, canvas = app.canvas.canvas.getBoundingClientRect();
    view.scale = Math.min((canvas.width - 60) / (right - left), (canvas.height - 130) / (bottom - top), 1);
    view.offset = [60 / view.scale - left, 90 / view.scale - top]; app.canvas.setDirty(true, true); }"""
"""The whole graph beside the bars that lie over the canvas."""


def test_no_node_of_an_example_covers_another(editor: Editor) -> None:
    """Also with the sizes that this frontend and renderer give them."""
    if editor.name == "1.32.9-nodes2":
        pytest.skip("frontend 1.32.9 in Nodes 2.0 scales the places of nodes when it opens a graph")
    for name in workflows.names():
        editor.load(workflows.read(name))
        boxes = editor.js(BOXES)
        assert len(boxes) > 5
        covered = [f"{a['id']} and {b['id']}" for a, b in combinations(boxes, 2) if _overlap(a, b)]
        assert covered == [], name
        editor.js(FIT)
        editor.page.wait_for_timeout(300)
        editor.shoot(f"example-{name}")


def test_the_blueprint_is_found_and_placed(editor: Editor) -> None:
    """As an artist does it: double-click the canvas, type its name, press Enter."""
    editor.page.mouse.dblclick(900, 600)
    editor.page.wait_for_timeout(500)
    editor.page.keyboard.type("One-click portrait", delay=20)
    editor.page.get_by_text(NAME).first.wait_for(timeout=20_000)
    editor.page.wait_for_timeout(500)
    editor.shoot("blueprint-search")
    editor.page.keyboard.press("Enter")
    editor.page.wait_for_function("() => app.graph._nodes.length === 1", timeout=20_000)
    assert editor.js("() => app.graph._nodes[0].widgets.map((widget) => widget.label)") == LABELS


def test_five_controls_reach_the_nodes_inside(editor: Editor) -> None:
    """Their labels are plain words; what is set outside is queued inside; the seed reaches both methods."""
    file = workflows.BLUEPRINTS / f"{NAME}.json"
    editor.load(json.loads(file.read_text(encoding="utf-8")))
    assert editor.js("() => app.graph._nodes[0].widgets.map((widget) => widget.label)") == LABELS
    values = {"text": "a marble statue", "xi": 65, "steps": 30, "yaw_range": 25, "seed": 77}
    editor.js(
        """(values) => { for (const widget of app.graph._nodes[0].widgets) {
            widget.value = values[widget.name]; widget.callback?.(values[widget.name]); } }""",
        values,
    )
    queued: dict[str, dict[str, Any]] = {
        entry["class_type"].removeprefix("ITportrait_"): entry["inputs"] for entry in editor.prompt().values()
    }
    fused = queued["Fuse"]
    assert {name: fused[name] for name in ("text", "xi", "steps", "seed")} == {
        name: values[name] for name in ("text", "xi", "steps", "seed")
    }
    assert queued["Inversion"]["seed"] == 77
    assert queued["CameraOrbit"]["yaw_range"] == 25
    editor.shoot("blueprint")


def _overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    across = a["left"] < b["right"] and b["left"] < a["right"]
    return across and a["top"] < b["bottom"] and b["top"] < a["bottom"]
