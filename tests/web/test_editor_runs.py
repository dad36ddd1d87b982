"""Runs from the editor: results reach the views, trainings are cancelled or kept, reloading loses nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from harness.client import ComfyClient
from harness.editor import Editor
from harness.graph import Graph
from harness.waiting import eventually, frames, kept, still
from PIL import Image


@pytest.fixture
def graph(editor: Editor) -> Graph:
    """An API workflow to fill."""
    client = ComfyClient(editor.url)
    definitions = client.nodes()
    client.close()
    return Graph(definitions)


def picture(editor: Editor) -> np.ndarray:
    """What the camera view shows now."""
    editor.page.mouse.move(5, 5)
    editor.js("() => document.activeElement?.blur()")
    frames(editor.page)
    return np.asarray(Image.open(io.BytesIO(editor.stage().screenshot())).convert("RGB"), dtype=float)


def show_last_render(editor: Editor, value: bool) -> None:
    editor.js("(v) => app.extensionManager.setting.set('ITportrait.Camera.ShowLastRender', v)", value)
    frames(editor.page)


def test_the_last_render_lies_behind_the_head(editor: Editor, graph: Graph) -> None:
    """Also after a reload of the page; not where a setting says otherwise."""
    camera = graph.add("CameraOrbit", path="sweep", views=3)
    graph.show(graph.add("MultiViewRender", generator=graph.add("GeneratorLoader"), cameras=camera, seed=3))
    editor.load_prompt(graph.prompt)
    show_last_render(editor, True)
    still(editor.stage())
    before = picture(editor)
    editor.queue()
    done = editor.finish()
    assert done["ended"] == "execution_success", done["error"]

    def change(since: np.ndarray = before) -> float:
        return float(np.abs(picture(editor) - since).mean())

    assert eventually(change, lambda share: share > 3) > 3
    shown = picture(editor)
    editor.shoot("run-backdrop")
    show_last_render(editor, False)
    hidden = eventually(change, lambda share: share < 1.5)
    show_last_render(editor, True)
    assert hidden < 1.5
    saved = editor.workflow()
    editor.reload()
    editor.load(saved)
    editor.js("() => { app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; }")
    still(editor.stage())
    assert eventually(lambda: change(shown), lambda share: share < 1.5) < 1.5
    editor.shoot("run-backdrop-reloaded")


def test_training_shows_previews_and_cancel_ends_it(editor: Editor, graph: Graph) -> None:
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=int(editor.nodes2) + 21)
    style = graph.add("Stylize", generator=base, portrait=person, steps=5000, seed=21)
    graph.show(graph.add("MultiViewRender", generator=style, cameras=graph.add("CameraOrbit"), seed=4))
    editor.load_prompt(graph.prompt)
    editor.queue()
    editor.page.wait_for_function("() => window.itportraitTest.previews >= 3", timeout=180_000)
    editor.shoot("run-training")
    editor.interrupt()
    done = editor.finish(60)
    assert done["ended"] == "execution_interrupted"
    assert done["progress"] > 3


TRAINING = ("Stylize", "Fuse", "PivotalTuning", "Inversion")
STOP = "Stop now and keep"
WIDGETS = "(id) => app.graph.getNodeById(id).widgets.map((w) => [w.name, w.serialize !== false])"
"""Names of a node's widgets from top to bottom, and whether the workflow stores them."""


def test_the_button_to_stop_and_keep_is_never_stored(editor: Editor) -> None:
    """Every node that trains has it, below all that is stored, and neither prompt nor workflow knows it."""
    placed = [editor.add(f"ITportrait_{kind}", (40 + 380 * i, 60)) for i, kind in enumerate(TRAINING)]
    for node in placed:
        widgets = editor.js(WIDGETS, node)
        below = widgets[widgets.index([STOP, False]) + 1 :]
        assert not any(kept for _, kept in below), below  # a picture of the frontend's own may follow
    stored = {node["id"]: node["widgets_values"] for node in editor.workflow()["nodes"]}
    for node in placed:
        named = [name for name, kept in editor.js(WIDGETS, node) if kept]
        assert len(stored[node]) == len(named)
        assert STOP not in editor.prompt()[str(node)]["inputs"]
    frames(editor.page)
    editor.shoot("stop-buttons")
    other = editor.add("ITportrait_SamplePortrait", (40, 700))
    assert STOP not in [name for name, _ in editor.js(WIDGETS, other)]


def test_the_button_ends_a_training_that_goes_on_as_a_success(editor: Editor, graph: Graph) -> None:
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=int(editor.nodes2) + 31)
    style = graph.add("Stylize", generator=base, portrait=person, steps=5000, seed=31)
    graph.show(style[2])
    editor.load_prompt(graph.prompt)
    editor.show_node(int(style.id))
    editor.queue()
    editor.page.wait_for_function("() => window.itportraitTest.previews >= 1", timeout=180_000)
    if editor.nodes2:
        editor.page.get_by_role("button", name=STOP).click()
    else:
        place = """(id) => { const node = app.graph.getNodeById(id), { scale, offset } = app.canvas.ds;
            const { last_y } = node.widgets.find((widget) => widget.type === "button");
            const { left, top } = app.canvas.canvas.getBoundingClientRect();
            return [left + (node.pos[0] + offset[0] + node.size[0] / 2) * scale,
                    top + (node.pos[1] + offset[1] + last_y + 10) * scale]; }"""
        editor.page.mouse.click(*editor.js(place, int(style.id)))
    done = editor.finish(60)
    editor.shoot("stop-and-keep")
    assert done["ended"] == "execution_success", done["error"]


def test_reloading_the_page_finds_everything_as_it_was(editor: Editor, graph: Graph) -> None:
    graph.add("CameraOrbit", path="grid", yaw=12.5, pitch=-7, roll=3, fov=20, columns=4, rows=2)
    graph.add("Align", points="0.3,0.4 0.6,0.4 0.45,0.5 0.35,0.7 0.55,0.7")
    editor.load_prompt(graph.prompt)
    before = editor.prompt()
    saved = editor.workflow()
    kept(editor.page, "0.3,0.4 0.6,0.4")
    editor.reload()
    if not editor.js("() => app.graph._nodes.length"):
        editor.load(saved)
    assert editor.prompt() == before
    for kind in ("camera", "points"):
        assert eventually(editor.page.locator(f".itportrait-{kind}").count, 1) == 1
    editor.shoot("run-reloaded")
