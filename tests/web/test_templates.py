"""The example workflows in the editor: offered, opened without missing nodes, the same prompt when saved."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from harness import workflows
from harness.editor import Editor
from harness.pack import NAME

MISSING = """() => app.graph._nodes.filter((node) => !LiteGraph.registered_node_types[node.type]
    && !["Note", "MarkdownNote", "Reroute"].includes(node.type)).map((node) => node.type)"""


def test_every_example_is_offered_as_a_template(editor: Editor) -> None:
    offered = requests.get(f"{editor.url}/workflow_templates", timeout=30).json().get(NAME, [])
    assert sorted(offered) == workflows.names()
    for name in offered:
        thumbnail = f"{editor.url}/api/workflow_templates/{NAME}/{name}.jpg"
        assert requests.get(thumbnail, timeout=30).headers["content-type"] == "image/jpeg"


def values(workflow: dict[str, Any]) -> dict[int, list[Any]]:
    """What the widgets of our nodes hold, by the node's id: what a view or a button must never shift."""
    ours = [node for node in workflow["nodes"] if node["type"].startswith("ITportrait_")]
    return {node["id"]: node.get("widgets_values") or [] for node in ours}


@pytest.mark.parametrize("name", workflows.names())
def test_example_opens_without_missing_nodes(editor: Editor, name: str) -> None:
    stored = workflows.read(name)
    editor.load(stored)
    assert editor.js(MISSING) == []
    prompt = editor.prompt()
    assert prompt
    again = editor.workflow()
    kept = values(again)
    for node, wanted in values(stored).items():  # a widget that was appended since has its default
        assert kept[node][: len(wanted)] == wanted, node
    editor.clear()
    editor.load(again)
    assert editor.prompt() == prompt
    editor.js("() => app.canvas.fitViewToSelectionAnimated?.() ?? null")
    editor.shoot(f"template-{name}")
