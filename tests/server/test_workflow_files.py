"""The example workflows as files: every node and link fits, the muted ones too, and all lies tidy."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from harness import workflows
from harness.client import ComfyClient
from harness.workflows import NOTES

TITLE = 30
"""Height of a node's title bar, which stands above its position."""
GROWTH = {
    "SaveImage": 35,
    "ITportrait_Inversion": 180,
    **{f"ITportrait_{kind}": 275 for kind in ("MultiViewRender", "Stylize", "Fuse", "PivotalTuning")},
}
"""Pixels by which pictures of a run make a node taller; frontend 1.58.1 in Nodes 2.0 adds most."""
RUNS, MUTED, BYPASSED = 0, 2, 4
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
FILES = {"ckpt_name", "control_net_name", "model_name"}
"""Lists of files that people bring themselves."""


@pytest.fixture(scope="module")
def nodes(quick_server: Any) -> dict[str, Any]:
    """Definitions of all nodes, the core's too."""
    client = ComfyClient(quick_server.url)
    found = client.nodes()
    client.close()
    return found


@pytest.fixture(params=workflows.names())
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One example in the editor's format."""
    return workflows.read(request.param)


def test_links_join_what_fits(nodes: dict[str, Any], workflow: dict[str, Any]) -> None:
    """Types agree at both ends, both ends know the link, and no socket that a node needs is empty."""
    assert {node["mode"] for node in workflow["nodes"]} <= {RUNS, MUTED, BYPASSED}
    by_id = {node["id"]: node for node in workflow["nodes"]}
    inside = workflows.subgraphs(workflow)
    for number, source, output, target, index, kind in workflow["links"]:
        given, taken = by_id[source]["outputs"][output], by_id[target]["inputs"][index]
        assert given["type"] == taken["type"] == kind
        assert number in given["links"] and taken["link"] == number
        origin = by_id[source]["type"]
        graph = inside.get(origin)
        offered = [item["type"] for item in graph["outputs"]] if graph else nodes[origin]["output"]
        assert offered[output] == kind
    for node in by_id.values():
        if node["type"] not in NOTES and node["type"] not in inside:
            linked = {item["name"] for item in node["inputs"] if item["link"] is not None}
            known = nodes[node["type"]]["input"]
            assert linked <= set(known["required"]) | set(known.get("optional", {}))
            needed = {name for name, spec in known["required"].items() if not _is_widget(spec[0])}
            assert needed <= linked, node["type"]


def test_values_are_ones_that_the_nodes_offer(nodes: dict[str, Any], workflow: dict[str, Any]) -> None:
    """With nothing muted or bypassed, every value lies in its range or list; files are the user's own."""
    awake = {**workflow, "nodes": [{**node, "mode": 0} for node in workflow["nodes"]]}
    prompt = workflows.to_prompt(awake, nodes)
    inside = workflows.subgraphs(workflow)
    counts = [len(inside[node["type"]]["nodes"]) if node["type"] in inside else node["type"] not in NOTES
              for node in workflow["nodes"]]  # fmt: skip
    assert len(prompt) == sum(counts)
    for entry in prompt.values():
        groups = nodes[entry["class_type"]]["input"]
        for name, spec in {**groups["required"], **groups.get("optional", {})}.items():
            value = entry["inputs"].get(name)
            options = spec[1] if len(spec) > 1 else {}
            choices = spec[0] if isinstance(spec[0], list) else options.get("options")
            if choices is not None and name not in FILES:
                assert value in choices, f"{entry['class_type']}.{name} is {value!r}"
            if "min" in options and not isinstance(value, list):
                assert options["min"] <= value <= options["max"], f"{entry['class_type']}.{name} is {value}"


def test_what_needs_foreign_files_is_off_and_says_so(workflow: dict[str, Any]) -> None:
    """Nothing that asks for a file of the user's runs as stored; a note says which file and how to go on."""
    off = [node for node in workflow["nodes"] if node["mode"] in (MUTED, BYPASSED)]
    asking = [node for node in workflow["nodes"] if {item["name"] for item in node["inputs"]} & FILES]
    assert all(node in off for node in asking)
    notes = " ".join(node["widgets_values"][0] for node in workflow["nodes"] if node["type"] in NOTES)
    assert ("`models/" in notes and "Ctrl+" in notes) == bool(off)


def test_nodes_lie_tidy(workflow: dict[str, Any]) -> None:
    """No node covers another, links lead to the right, a note explains, groups hold whole nodes."""
    boxes = {node["id"]: _box(node) for node in workflow["nodes"]}
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not _overlap(a, b), f"nodes {one} and {other} overlap"
    for _, source, _, target, _, _ in workflow["links"]:
        assert boxes[source][2] <= boxes[target][0], f"the link from {source} to {target} leads back"
    assert any(node["type"] in NOTES for node in workflow["nodes"])
    for group in workflow["groups"]:
        outline = _outline(group)
        for number, box in boxes.items():
            whole = all(a <= b for a, b in zip(outline[:2] + box[2:], box[:2] + outline[2:], strict=True))
            assert whole or not _overlap(outline, box), f"{group['title']} cuts node {number}"
    for one, other in combinations(workflow["groups"], 2):
        assert not _overlap(*(_outline(group) for group in (one, other))), f"{one['title']}, {other['title']}"


def test_pictures_of_a_run_cover_nothing(workflow: dict[str, Any]) -> None:
    """Nodes grow downwards when a run shows something in them; what lies below stays free."""
    boxes = {node["id"]: _box(node, GROWTH.get(node["type"], 0)) for node in workflow["nodes"]}
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not _overlap(a, b), f"after a run, nodes {one} and {other} overlap"


def _is_widget(kind: Any) -> bool:
    return isinstance(kind, list) or kind in WIDGETS


def _box(node: dict[str, Any], more: int = 0) -> tuple[float, float, float, float]:
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height + more


def _outline(group: dict[str, Any]) -> tuple[float, float, float, float]:
    x, y, width, height = group["bounding"]
    return x, y, x + width, y + height


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
