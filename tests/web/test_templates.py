"""The example workflows in the editor: offered, opened without missing nodes, the same prompt when saved."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", workflows.names())
def test_example_opens_without_missing_nodes(editor: Editor, name: str) -> None:
    editor.load(workflows.read(name))
    assert editor.js(MISSING) == []
    prompt = editor.prompt()
    assert prompt
    again = editor.workflow()
    editor.clear()
    editor.load(again)
    assert editor.prompt() == prompt
    editor.js("() => app.canvas.fitViewToSelectionAnimated?.() ?? null")
    editor.shoot(f"template-{name}")
