"""The privacy switch: names and paths are gone from every note, and the workflow is still one."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from harness import workflows

from itportrait_core.recipes.card import Card
from itportrait_core.recipes.carriers import KEY
from itportrait_core.recipes.notes import make_notes
from itportrait_core.recipes.privacy import LEFT_OUT, is_path

SECRET = "anna-lena"
"""Stands in every place that may hold a name."""
PROMPT: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": f"{SECRET}.png"}, "_meta": {"title": SECRET}},
    "2": {"class_type": "GeneratorLoader", "inputs": {"file": f"styles/{SECRET}"}},
    "3": {"class_type": "SavePictures", "inputs": {"name": SECRET, "images": ["1", 0], "private": True}},
    "4": {"class_type": "Fuse", "inputs": {"text": "a man w/ glasses, 50 years", "seed": 7, "beta": 0.25}},
}
SLOT = {"name": "image", "type": "IMAGE", "label": SECRET, "link": 1}
NODE = {"id": 3, "type": "ITportrait_SavePictures", "pos": [0, 0], "title": SECRET, "inputs": [SLOT]}
WORKFLOW: dict[str, Any] = {
    "id": "0000",
    "last_node_id": 4,
    "links": [[1, 1, 0, 3, 0, "IMAGE"]],
    "nodes": [
        {**NODE, "properties": {"cnr_id": "x", "note": SECRET}, "widgets_values": [SECRET, True]},
        {"id": 1, "type": "LoadImage", "widgets_values": [f"{SECRET}.png [input]", "image"]},
        {"id": 9, "type": "MarkdownNote", "widgets_values": [f"ask {SECRET}"]},
        {"id": 5, "type": "VHS", "widgets_values": {"path": f"C:\\Users\\{SECRET}\\a", "fps": 8}},
    ],
    "groups": [{"title": SECRET, "bounding": [0, 0, 9, 9]}],
    "extra": {"info": {"author": SECRET}, "ds": {"scale": 1}},
    "definitions": {"subgraphs": [{"id": "u", "name": SECRET, "nodes": [NODE], "inputs": [], "links": []}]},
    "version": 0.4,
}
FACTS = {"content": "ab" * 32, "file": f"{SECRET}.safetensors", "license": "CC0-1.0"}
LINEAGE = {"text": "an old man", "recipe": {"clip": [f"{SECRET} 1234"], "base": "cd" * 32, "source": SECRET}}
CARD = Card("portrait", {**FACTS, "lineage": LINEAGE}, {"seed": 3, "note": f"/home/{SECRET}"})


@pytest.fixture(scope="module")
def notes() -> dict[str, str]:
    return make_notes(CARD, PROMPT, {"workflow": WORKFLOW, "user": SECRET}, private=True)


def test_no_name_and_no_path_is_left(notes: dict[str, str]) -> None:
    assert SECRET not in "".join(notes.values())
    assert set(notes) == {"workflow", "prompt", KEY}


def test_settings_texts_and_hashes_stay(notes: dict[str, str]) -> None:
    inputs = json.loads(notes["prompt"])["4"]["inputs"]
    assert inputs == PROMPT["4"]["inputs"]
    card = json.loads(notes[KEY])
    assert card["weights"]["content"] == FACTS["content"] and card["weights"]["license"] == "CC0-1.0"
    assert card["weights"]["lineage"]["text"] == "an old man" and card["person"]["seed"] == 3


def test_the_graph_stays(notes: dict[str, str]) -> None:
    """Nodes, cables, places and other widgets are as they were."""
    graph = json.loads(notes["workflow"])
    assert graph["links"] == WORKFLOW["links"] and graph["version"] == 0.4
    assert [node["id"] for node in graph["nodes"]] == [3, 1, 9, 5]
    assert graph["nodes"][0]["widgets_values"] == [LEFT_OUT, True]
    assert graph["nodes"][0]["properties"] == {"cnr_id": "x"}
    assert graph["nodes"][0]["inputs"][0]["link"] == 1
    assert graph["nodes"][3]["widgets_values"] == {"path": LEFT_OUT, "fps": 8}
    assert graph["definitions"]["subgraphs"][0]["nodes"][0]["id"] == 3


WORDS = ("smiling/laughing", "old.man", "~wild hair", "a\\b")
"""Texts that look like paths."""


def test_names_are_told_by_node_and_input_and_not_by_their_looks() -> None:
    """Texts stay, whatever they look like; names go, blanks or not, in the prompt and in the editor's
    graph."""
    inputs = {"text": WORDS[0], "source_text": WORDS[1], "architecture": "RN50/x"}
    prompt = {
        "1": {"class_type": "ITportrait_Fuse", "inputs": inputs},
        "2": {"class_type": "ITportrait_SaveMesh", "inputs": {"name": "smiling", "mesh": ["1", 0]}},
        "3": {"class_type": "LoadImage", "inputs": {"image": "my pictures/anna lena"}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": WORDS[2]}},
        "5:6": {"class_type": "ITportrait_LoadPortrait", "inputs": {"file": "anna lena"}},
    }
    workflow = {
        "nodes": [
            {"id": 1, "type": "ITportrait_Fuse", "widgets_values": list(inputs.values())},
            {"id": 2, "type": "ITportrait_SaveMesh", "widgets_values": ["smiling", True]},
            {"id": 3, "type": "LoadImage", "widgets_values": ["my pictures/anna lena", "image"]},
            {"id": 8, "type": "ITportrait_SamplePortrait", "widgets_values": [7, "fixed", WORDS[3]],
             "inputs": [{"widget": {"name": name}} for name in ("seed", "text")]},
        ],
        "definitions": {"subgraphs": [{"nodes": [
            {"id": 6, "type": "ITportrait_LoadPortrait", "widgets_values": ["anna lena"]}]}]},
    }  # fmt: skip
    notes = make_notes(CARD, prompt, {"workflow": workflow}, private=True)
    assert "anna" not in notes["prompt"] + notes["workflow"]
    clean = json.loads(notes["prompt"])
    assert clean["1"]["inputs"] == inputs and clean["4"]["inputs"] == {"text": WORDS[2]}
    assert clean["2"]["inputs"] == {"name": LEFT_OUT, "mesh": ["1", 0]}
    graph = json.loads(notes["workflow"])["nodes"]
    assert graph[0]["widgets_values"] == list(inputs.values())
    assert graph[1]["widgets_values"] == [LEFT_OUT, True] and graph[2]["widgets_values"] == [
        LEFT_OUT,
        "image",
    ]
    assert graph[3]["widgets_values"] == [7, "fixed", WORDS[3]]


def test_texts_of_lineages_stay_although_they_look_like_paths() -> None:
    card = dataclasses.replace(CARD, weights={"lineage": {"text": WORDS[0], "parent": {"text": WORDS[3]}}})
    lineage = json.loads(make_notes(card, None, None, private=True)[KEY])["weights"]["lineage"]
    assert lineage == {"text": WORDS[0], "parent": {"text": WORDS[3]}}


def test_with_metadata_disabled_nothing_typed_is_left() -> None:
    """ComfyUI's --disable-metadata: neither names nor texts, anywhere in the card."""
    lineage = {"text": "an old man", "settings": {"source_text": "a person", "tau": 0.7},
               "recipe": {"text": "an old man", "clip": ["x"]}}  # fmt: skip
    card = dataclasses.replace(CARD, weights={**FACTS, "lineage": lineage})
    notes = make_notes(card, None, None, private=False, typed=False)
    assert set(notes) == {KEY}
    assert not any(word in notes[KEY] for word in ("old man", "a person", SECRET + "."))
    kept = json.loads(notes[KEY])["weights"]
    assert kept["content"] == FACTS["content"] and kept["lineage"]["settings"] == {"tau": 0.7}


def test_without_the_switch_everything_is_kept() -> None:
    notes = make_notes(CARD, PROMPT, {"workflow": WORKFLOW}, private=False)
    assert json.loads(notes["workflow"]) == WORKFLOW and json.loads(notes["prompt"]) == PROMPT
    assert json.loads(notes[KEY])["weights"]["file"] == FACTS["file"]


@pytest.mark.parametrize("name", workflows.names())
def test_our_own_workflows_lose_no_node_and_no_cable(name: str) -> None:
    graph = workflows.read(name)
    kept = json.loads(make_notes(CARD, {}, {"workflow": graph}, private=True)["workflow"])
    assert kept["links"] == graph["links"]
    assert [node["type"] for node in kept["nodes"]] == [node["type"] for node in graph["nodes"]]


@pytest.mark.parametrize(
    "text", ["a.png", "C:\\x", "/etc/passwd", "~/x", "me/face", "face.jpeg [input]", "../up", "x.safetensors"]
)
def test_paths_are_seen(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize(
    "text", ["a man", "a man w/ glasses", "0.3,0.4 0.6,0.4", "1.25", "photo", "{}", "Old. Wise.", "a\n.b/c"]
)
def test_other_texts_are_no_paths(text: str) -> None:
    assert not is_path(text)
