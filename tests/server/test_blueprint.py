"""The sub-graph blueprint: the server offers it, its parts fit together, it has five controls, it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from harness import workflows
from harness.client import ComfyClient

NAME = "One-click portrait style"
CONTROLS = ["text", "xi", "steps", "yaw_range", "seed"]
INSIDE, OUTSIDE = -10, -20
"""Ids that links use for the inputs and the outputs of a sub-graph."""


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    """The blueprint as it is shipped."""
    return dict(json.loads((workflows.BLUEPRINTS / f"{NAME}.json").read_text(encoding="utf-8")))


def test_the_server_offers_it(quick: ComfyClient, file: dict[str, Any]) -> None:
    """Every file of the folder is listed; what comes back is the file."""
    offered = requests.get(f"{quick.url}/global_subgraphs", timeout=30).json()
    ours = {
        key: entry for key, entry in offered.items() if entry["info"]["node_pack"].endswith(".itportrait")
    }
    assert {entry["name"] for entry in ours.values()} == {NAME}
    (key,) = ours
    answer = requests.get(f"{quick.url}/global_subgraphs/{key}", timeout=30).json()
    assert json.loads(answer["data"]) == file


def test_it_is_one_node_with_five_controls(file: dict[str, Any]) -> None:
    """What the editor demands of a blueprint: one node whose type is the sub-graph; and what we promise."""
    (node,), (graph,) = file["nodes"], file["definitions"]["subgraphs"]
    assert node["type"] == graph["id"]
    assert [item["name"] for item in node["inputs"] if "widget" in item] == CONTROLS
    assert [item["name"] for item in node["inputs"]] == [item["name"] for item in graph["inputs"]]
    assert [item["name"] for item in node["outputs"]] == [item["name"] for item in graph["outputs"]]
    assert all(item["label"] for item in graph["inputs"] + graph["outputs"])


def test_the_first_template_holds_this_very_blueprint(file: dict[str, Any]) -> None:
    """And no node inside has the id of one outside, which the editor would change with a complaint."""
    start = workflows.read("Start here")
    assert start["definitions"] == file["definitions"]
    inside = [node["id"] for graph in file["definitions"]["subgraphs"] for node in graph["nodes"]]
    outside = [node["id"] for workflow in (start, file) for node in workflow["nodes"]]
    assert len(set(inside)) == len(inside) and not set(inside) & set(outside)


def test_links_inside_fit(quick: ComfyClient, file: dict[str, Any]) -> None:
    """Both ends of every link exist, agree on the type and know the link."""
    (graph,) = file["definitions"]["subgraphs"]
    nodes, known = {node["id"]: node for node in graph["nodes"]}, quick.nodes()
    for link in graph["links"]:
        number, start, end = link["id"], link["origin_id"], link["target_id"]
        given = (graph["inputs"] if start == INSIDE else nodes[start]["outputs"])[link["origin_slot"]]
        taken = (graph["outputs"] if end == OUTSIDE else nodes[end]["inputs"])[link["target_slot"]]
        assert given["type"] == taken["type"] == link["type"]
        assert number in given.get("linkIds", given.get("links", ()))
        assert number in taken.get("linkIds", ()) or number == taken.get("link")
    for node in nodes.values():
        assert node["type"] in known
    joined = {link["origin_slot"] for link in graph["links"] if link["origin_id"] == INSIDE}
    assert joined == set(range(len(graph["inputs"])))


def test_it_runs_with_a_picture(quick: ComfyClient, file: dict[str, Any]) -> None:
    """Between Example Style Picture and Save Image: the prompt is accepted and the pictures come."""
    prompt = workflows.shortened(workflows.to_prompt(around(file), quick.nodes()))
    run = quick.run(prompt)
    assert (run.end, run.error) == ("execution_success", "")
    assert len(run.outputs["3"]["images"]) == 5


def around(file: dict[str, Any]) -> dict[str, Any]:
    """A workflow of the blueprint between Example Style Picture and Save Image."""
    (node,) = json.loads(json.dumps(file["nodes"]))
    picture = {
        "id": 2, "type": "ITportrait_ExamplePicture", "pos": [-400, 60], "size": [320, 80], "mode": 0,
        "inputs": [{"name": "picture", "type": "COMBO", "widget": {"name": "picture"}, "link": None}],
        "outputs": [{"name": "image", "type": "IMAGE", "links": [1]}], "widgets_values": ["zombie man"],
    }  # fmt: skip
    saver = {
        "id": 3, "type": "SaveImage", "pos": [500, 60], "size": [420, 270], "mode": 0, "outputs": [],
        "inputs": [
            {"name": "images", "type": "IMAGE", "link": 2},
            {"name": "filename_prefix", "type": "STRING", "widget": {"name": "filename_prefix"}},
        ],
        "widgets_values": ["blueprint"],
    }  # fmt: skip
    node["inputs"][0]["link"], node["outputs"][0]["links"] = 1, [2]
    links = [[1, 2, 0, 1, 0, "IMAGE"], [2, 1, 0, 3, 0, "IMAGE"]]
    return {**file, "nodes": [node, picture, saver], "links": links, "last_node_id": 3, "last_link_id": 2}
