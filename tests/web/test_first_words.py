"""What somebody meets without asking: seeds that stay, views that keep their size, failures in words."""

from __future__ import annotations

from harness import workflows
from harness.editor import Editor
from harness.waiting import eventually

NOTE = """(id) => app.graph.getNodeById(id).widgets.find(({ name }) => name === "note")
    ?.element.shadowRoot.querySelector(".said").textContent ?? "" """
HAS_VIEW = "(id) => app.graph.getNodeById(id).widgets.some(({ name }) => name === 'live head')"

FEW_STEPS = """(id) => {
    const widget = app.graph.getNodeById(id).widgets.find(({ name }) => name === "steps");
    widget.value = 4;
    widget.callback?.(4); }"""


def test_new_nodes_keep_their_seed(editor: Editor) -> None:
    node = editor.add("ITportrait_Stylize", (100, 100))
    assert editor.values(node)["control_after_generate"] == "fixed"


def test_a_borrowed_view_keeps_its_width(editor: Editor) -> None:
    """The side panel of frontend 1.58.1 writes its own width into the view of the selected node."""
    node = editor.add("ITportrait_CameraOrbit", (100, 100))
    script = """(id) => { const view = app.graph.getNodeById(id).widgets.find(({ name }) => name === "view");
        view.width = 258; return view.width ?? null; }"""
    assert editor.js(script, node) is None


def test_a_failure_stands_on_its_node_until_the_next_run(editor: Editor) -> None:
    picture = editor.add("ITportrait_ExamplePicture", (50, 100))
    corner = editor.add("ImageCrop", (50, 300), width=64, height=64, x=0, y=0)
    align = editor.add("ITportrait_Align", (450, 100))
    shown = editor.add("PreviewImage", (900, 100))
    editor.connect(picture, 0, corner, "image")
    editor.connect(corner, 0, align, "image")
    editor.connect(align, 0, shown, "images")
    editor.queue()
    assert editor.finish()["ended"] == "execution_error"
    assert "No face was found" in eventually(lambda: editor.js(NOTE, align), lambda text: text != "")
    editor.shoot("failed")
    editor.connect(picture, 0, align, "image")
    editor.queue()
    assert editor.finish()["ended"] == "execution_success"
    assert editor.js(NOTE, align) == ""


def test_the_blueprint_shows_its_head_itself(editor: Editor) -> None:
    """Alone beside a picture; where a live head comes after it, as in Start here, that one does."""
    for name, outer, own in (("blueprint", 1, True), ("template", 3, False)):
        if own:
            editor.load(workflows.blueprint())
            picture = editor.add("ITportrait_ExamplePicture", (-420, 60))
            editor.connect(picture, 0, outer, "image")
        else:
            editor.load(workflows.read("Start here"))
        editor.js(FEW_STEPS, outer)
        editor.queue()
        done = editor.finish(600)
        assert done["ended"] == "execution_success", done["error"]
        assert eventually(lambda node=outer: editor.js(HAS_VIEW, node), own) is own
        editor.shoot(f"one-click-{name}")
