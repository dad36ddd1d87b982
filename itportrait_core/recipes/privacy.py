"""What the privacy switch leaves out: names and paths, in workflows, prompts and histories of weights.

Texts that say what is to be drawn stay, and so do seeds, settings and hashes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "private"
"""What stands in place of a name or a path."""
NAME_INPUTS = {"name", "filename_prefix"}
"""Inputs of nodes in which people write names of their own."""
NAME_FACTS = {"file", "clip", "name", "source"}
"""Facts about weights that hold names of files."""
NOTES = {"Note", "MarkdownNote"}
PLAIN_PROPERTIES = {"Node name for S&R", "cnr_id", "ver", "aux_id", "proxyWidgets"}
PATH = re.compile(r"^[/~]|\\|^\S*/\S*$|\.(?=\w*[A-Za-z])\w{1,12}( \[\w+\])?$")


def is_path(text: str) -> bool:
    """Whether a text looks like a file name or a path: slashes without blanks, or an ending like `.png`."""
    return bool(PATH.search(text)) and "\n" not in text


def private_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts about weights, as JSON values, without names of files."""
    return {key: _private(value) for key, value in facts.items() if key not in NAME_FACTS}


def _private(value: object) -> object:
    if isinstance(value, Mapping):
        return private_facts(value)
    if isinstance(value, list):
        return [_private(item) for item in value]
    return LEFT_OUT if isinstance(value, str) and is_path(value) else value


def private_prompt(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt in API format without names and paths; titles go too."""
    hidden = names_in(prompt)
    return {
        node: {
            "class_type": entry.get("class_type"),
            "inputs": {key: _swap(value, hidden) for key, value in entry.get("inputs", {}).items()},
        }
        for node, entry in prompt.items()
    }


def private_workflow(workflow: object, prompt: Mapping[str, Any]) -> dict[str, Any] | None:
    """A workflow in the editor's format without names and paths: titles, notes, labels, files, extras.

    Args:
        workflow: what the editor saved; sub-graphs are treated like the graph itself.
        prompt: the same in API format, which tells the inputs that hold names.
    """
    return _graph(workflow, names_in(prompt)) if isinstance(workflow, Mapping) else None


def names_in(prompt: Mapping[str, Any]) -> set[str]:
    """Every text of a prompt that is a name or a path."""
    given = [(key, value) for entry in prompt.values() for key, value in (entry.get("inputs") or {}).items()]
    return {
        value
        for key, value in given
        if isinstance(value, str) and value and (key in NAME_INPUTS or is_path(value))
    }


def _graph(graph: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    clean = {**graph, "extra": {}}
    clean.pop("name", None)
    clean["nodes"] = [_node(node, hidden) for node in graph.get("nodes", [])]
    clean["groups"] = [{**group, "title": ""} for group in graph.get("groups", [])]
    if isinstance(graph.get("definitions"), Mapping):
        parts = graph["definitions"].get("subgraphs", [])
        clean["definitions"] = {"subgraphs": [{**_graph(part, hidden), "name": LEFT_OUT} for part in parts]}
    return clean


def _node(node: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    clean = {name: value for name, value in node.items() if name != "title"}
    properties = {k: v for k, v in (node.get("properties") or {}).items() if k in PLAIN_PROPERTIES}
    clean["properties"] = properties
    for slots in ("inputs", "outputs"):
        clean[slots] = [
            {name: value for name, value in slot.items() if name != "label"} for slot in node.get(slots) or []
        ]
    if node.get("type") in NOTES:
        clean["widgets_values"] = [""]
    elif "widgets_values" in node:
        clean["widgets_values"] = _swap(node["widgets_values"], hidden)
    return clean


def _swap(value: object, hidden: set[str]) -> object:
    if isinstance(value, str):
        return LEFT_OUT if value in hidden or is_path(value) else value
    if isinstance(value, Mapping):
        return {key: _swap(item, hidden) for key, item in value.items()}
    return [_swap(item, hidden) for item in value] if isinstance(value, list) else value
