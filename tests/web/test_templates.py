"""The example workflows in the editor: offered, opened without missing nodes, the same prompt when saved."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from harness import workflows
from harness.editor import Editor
from harness.environment import ROOT
from harness.frontends import NEWEST
from harness.pack import NAME
from harness.waiting import eventually

CARDS = """() => [...document.querySelectorAll("[data-testid^='template-workflow-']")]
    .map(({ dataset }) => dataset.testid.slice("template-workflow-".length))"""
APP_MODE = "() => app.extensionManager.command.execute('Comfy.ToggleLinear')"
FEW_STEPS = """() => {
    const widget = app.graph.getNodeById(3).widgets.find(({ name }) => name === "steps");
    widget.value = 4;
    widget.callback?.(4); }"""
HEAD_SHOWN = """() => [...document.images].some(({ src, naturalWidth, width }) =>
    src.includes("filename=") && src.includes("type=temp") && naturalWidth > 0 && width > 200)"""
"""A result of a run is shown large."""
MISSING = """() => app.graph._nodes.filter((node) => !LiteGraph.registered_node_types[node.type]
    && !["Note", "MarkdownNote", "Reroute"].includes(node.type)).map((node) => node.type)"""


def test_every_example_is_offered_as_a_template(editor: Editor) -> None:
    offered = requests.get(f"{editor.url}/workflow_templates", timeout=30).json().get(NAME, [])
    assert sorted(offered) == workflows.names()
    for name in offered:
        thumbnail = f"{editor.url}/api/workflow_templates/{NAME}/{name}.jpg"
        assert requests.get(thumbnail, timeout=30).headers["content-type"] == "image/jpeg"


def test_the_browser_of_templates_shows_ours_in_order(editor: Editor) -> None:
    """The coupled portrait first, then all in the order of the table, whatever order the disk has."""
    table = (ROOT / "web" / "template_order.mjs").read_text(encoding="utf-8")
    wanted = re.findall(r'^  "([^"]+)",', table, re.MULTILINE)
    assert wanted[:2] == ["Start here", "Every step, explained"] and sorted(wanted) == workflows.names()
    editor.js("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    editor.page.get_by_text(NAME, exact=True).first.click()
    assert eventually(lambda: editor.js(CARDS), wanted) == wanted
    editor.shoot("grid")
    editor.page.keyboard.press("Escape")


def test_start_here_is_an_app_too(editor: Editor) -> None:
    """Frontend 1.58.1 shows it as a form, picture and text, whose Run shows the head."""
    if not editor.name.startswith(NEWEST):
        pytest.skip("this frontend has no App mode")
    editor.load(workflows.read("Start here"))
    editor.js(FEW_STEPS)
    editor.js(APP_MODE)
    try:
        welcome = editor.page.get_by_role("button", name="Skip")
        words = editor.page.get_by_text("What the text changes").filter(visible=True)  # nodes hide theirs
        welcome.or_(words).first.wait_for()
        if eventually(welcome.is_visible, True, seconds=10):
            welcome.click()
        words.first.wait_for()
        shown = [box.input_value() for box in editor.page.locator("textarea:visible").all()]
        assert "a person wearing glasses" in shown
        editor.queue()
        assert editor.finish(600)["ended"] == "execution_success"
        assert eventually(lambda: editor.js(HEAD_SHOWN), True)
        editor.shoot("app")
    finally:
        editor.js(APP_MODE)


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
