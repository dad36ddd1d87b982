"""What the privacy switch leaves out: names and paths, in workflows, prompts and histories of weights.

Texts that say what is to be drawn stay, and so do seeds, settings and hashes. What is a name is decided by
the node and its input, not by how the text looks: "smiling/laughing" is a text, "my pictures/anna lena" a
path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

LEFT_OUT = "private"
"""What stands in place of a name or a path."""
OURS = "ITportrait_"
"""First part of our nodes' ids."""
OUR_NAMES = {"file", "name", "photo", "encoder", "pose", "identity"}
"""Inputs of our nodes that hold names of files; all others are settings and texts."""
NAMES = re.compile(
    r"(^|_)(file|filename|path|dir|directory|folder|url|prefix|image|video|audio|name|model)s?\d*($|_)"
)
"""Inputs of other nodes that hold names."""
SETTINGS = {"sampler_name", "scheduler_name", "upscale_model_method"}
TEXTS = re.compile(r"text|prompt|caption|positive|negative|string")
"""Inputs of other nodes that hold texts."""
NAME_FACTS = {"file", "clip", "name", "source"}
"""Facts about weights that hold names of files."""
TEXT_FACTS = {"text", "source_text"}
"""Facts about weights that hold texts."""
HISTORY = "history"
NOTES = {"Note", "MarkdownNote"}
PLAIN_PROPERTIES = {"Node name for S&R", "cnr_id", "ver", "aux_id", "proxyWidgets"}
CONTROLS = {"fixed", "increment", "decrement", "randomize"}
"""Widget values that the editor adds behind a seed."""
PATH = re.compile(r"^[/~]|^[A-Za-z]:[/\\]|^\w+://|\\|^\S*/\S*$|\.(?=\w*[A-Za-z])\w{1,12}( \[\w+\])?$")


def is_path(text: str) -> bool:
    """Whether a text looks like a file name or a path, where no input tells."""
    return bool(PATH.search(text)) and "\n" not in text


def is_name(kind: object, key: str, value: str) -> bool:
    """Whether an input's text is a name or a path.

    Args:
        kind: class of the node.
        key: name of the input.
        value: what it holds.
    """
    if isinstance(kind, str) and kind.startswith(OURS):
        return key in OUR_NAMES
    if key in SETTINGS or TEXTS.search(key):
        return False
    return bool(NAMES.search(key)) or is_path(value)


def private_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts about weights, as JSON values, without names of files."""
    return {key: _private_fact(key, value) for key, value in facts.items() if key not in NAME_FACTS}


def _private(value: object) -> object:
    if isinstance(value, Mapping):
        return private_facts(value)
    if isinstance(value, list | tuple):
        return [_private(item) for item in value]
    return LEFT_OUT if isinstance(value, str) and is_path(value) else value


def _private_fact(key: str, value: object) -> object:
    if key in TEXT_FACTS:
        return value
    return nameless_history(value) if key == HISTORY else _private(value)


def nameless_history(steps: object) -> object:
    """Steps of a run whose CLIP models are told apart by their numbers alone, "0" for "0:NAME"."""
    if isinstance(steps, Mapping):
        return {str(key).partition(":")[0]: nameless_history(value) for key, value in steps.items()}
    return [nameless_history(step) for step in steps] if isinstance(steps, list | tuple) else steps


def untyped_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts about weights, as JSON values, without anything that a person typed: texts and names.

    For ComfyUI's `--disable-metadata`, which promises files that tell nothing of the workflow.
    """
    return {
        key: nameless_history(value) if key == HISTORY else _untyped(value)
        for key, value in facts.items()
        if key not in NAME_FACTS and key not in TEXT_FACTS
    }


def _untyped(value: object) -> object:
    if isinstance(value, Mapping):
        return untyped_facts(value)
    return [_untyped(item) for item in value] if isinstance(value, list | tuple) else value


def private_prompt(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt in API format without names and paths; titles go too."""
    return {
        node: {
            "class_type": entry.get("class_type"),
            "inputs": {
                key: _hidden(entry.get("class_type"), key, value)
                for key, value in (entry.get("inputs") or {}).items()
            },
        }
        for node, entry in prompt.items()
        if isinstance(entry, Mapping)
    }


def private_workflow(workflow: object, prompt: Mapping[str, Any]) -> dict[str, Any] | None:
    """A workflow in the editor's format without names and paths: titles, notes, labels, files, extras.

    Args:
        workflow: what the editor saved; sub-graphs are treated like the graph itself.
        prompt: the same in API format, which tells the inputs that hold names.
    """
    return _graph(workflow, prompt) if isinstance(workflow, Mapping) else None


def _hidden(kind: object, key: str, value: object) -> object:
    if isinstance(value, str):
        return LEFT_OUT if value and is_name(kind, key, value) else value
    if isinstance(value, Mapping):
        return {name: _hidden(kind, name, item) for name, item in value.items()}
    if isinstance(value, list) and not (len(value) == 2 and isinstance(value[1], int)):  # no link
        return [_hidden(kind, key, item) for item in value]
    return value


def _graph(graph: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, Any]:
    clean = {**graph, "extra": {}}
    clean.pop("name", None)
    clean["nodes"] = [_node(node, prompt) for node in graph.get("nodes", [])]
    clean["groups"] = [{**group, "title": ""} for group in graph.get("groups", [])]
    if isinstance(graph.get("definitions"), Mapping):
        parts = graph["definitions"].get("subgraphs", [])
        clean["definitions"] = {"subgraphs": [{**_graph(part, prompt), "name": LEFT_OUT} for part in parts]}
    return clean


def _node(node: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, Any]:
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
        clean["widgets_values"] = _widgets(node, prompt)
    return clean


def _widgets(node: Mapping[str, Any], prompt: Mapping[str, Any]) -> object:
    """The widgets' values without names, by the names of their inputs where these can be told."""
    values, kind = node["widgets_values"], node.get("type")
    if isinstance(values, Mapping):
        return {key: _hidden(kind, key, value) for key, value in values.items()}
    if not isinstance(values, list):
        return values
    keys = _widget_keys(node, values)
    if keys is not None:
        return [
            value if key is None else _hidden(kind, key, value)
            for key, value in zip(keys, values, strict=True)
        ]
    entry = _entry(node, prompt)
    if entry is None:
        names, texts = _names_and_texts(prompt.values())
    else:
        names, texts = _names_and_texts([entry])
    return [_swap(value, names, texts if entry is not None else texts - names) for value in values]


def _widget_keys(node: Mapping[str, Any], values: list[Any]) -> list[str | None] | None:
    """The input of each widget, None for the editor's own; None altogether where the node does not tell."""
    slots = [slot["widget"] for slot in node.get("inputs") or [] if isinstance(slot.get("widget"), Mapping)]
    waiting = [slot.get("name") for slot in slots]
    keys: list[str | None] = []
    for value in values:
        after_seed = bool(keys) and keys[-1] is not None and str(keys[-1]).endswith("seed")
        keys.append(None if (after_seed and value in CONTROLS) or not waiting else waiting.pop(0))
    plain = all(key is not None or value in CONTROLS for key, value in zip(keys, values, strict=True))
    return keys if slots and not waiting and plain else None


def _entry(node: Mapping[str, Any], prompt: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A node's entry of the prompt; nodes in sub-graphs are called `OUTER:INNER` there."""
    end = str(node.get("id"))
    for name, entry in prompt.items():
        if (name == end or name.endswith(f":{end}")) and entry.get("class_type") == node.get("type"):
            return entry if isinstance(entry, Mapping) else None
    return None


def _names_and_texts(entries: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Texts in prompts that are names, and those that are none."""
    names: set[str] = set()
    texts: set[str] = set()
    for entry in entries:
        for key, value in (entry.get("inputs") or {}).items():
            if isinstance(value, str) and value:
                (names if is_name(entry.get("class_type"), key, value) else texts).add(value)
    return names, texts


def _swap(value: object, names: set[str], texts: set[str]) -> object:
    if isinstance(value, str):
        return LEFT_OUT if value in names or (value not in texts and is_path(value)) else value
    if isinstance(value, Mapping):
        return {key: _swap(item, names, texts) for key, item in value.items()}
    return [_swap(item, names, texts) for item in value] if isinstance(value, list) else value
