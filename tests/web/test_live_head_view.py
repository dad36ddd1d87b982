"""The live head in a real editor: hands turn it, its numbers hold what it shows, nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
from harness.editor import Editor
from harness.pack import NAME
from harness.waiting import eventually

LOADER, LIVE, RENDER = "ITportrait_GeneratorLoader", "ITportrait_LiveHead", "ITportrait_MultiViewRender"
PERSON, TRAIN = "ITportrait_SamplePortrait", "ITportrait_Stylize"
PATIENCE = 300.0
"""Seconds for what a server has to make first."""
HEAD = (0.5, 0.4)
STATE = ("yaw", "pitch", "roll", "fov", "fade", "strength", "person", "shading", "background")
SCRIPT = """(id) => { const view = (GRAPH).getNodeById(id).widgets.map((w) => w.element?.shadowRoot)
    .find((root) => root?.querySelector(".stage canvas + .finished")); """


@pytest.fixture
def live(editor: Editor) -> int:
    """A Live Head behind a loader."""
    loader = editor.add(LOADER, (20, 40))
    node = editor.add(LIVE, (380, 10))
    editor.connect(loader, 0, node, "generator")
    return node


def inked(editor: Editor, node: int, graph: str = "app.graph") -> int:
    """How many different colours the head's canvas shows."""
    script = (
        SCRIPT
        + """const canvas = view?.querySelector("canvas"); if (!canvas?.width) return 0;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set(); for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 8 | data[i + 1]);
        return seen.size; }"""
    )
    return int(editor.js(script.replace("GRAPH", graph), node))


def run(editor: Editor) -> None:
    editor.queue()
    assert editor.finish()["ended"] == "execution_success"


def test_a_run_brings_the_head_and_hands_turn_it(editor: Editor, live: int) -> None:
    """Drag, keyboard and buttons write the numbers; the node stays where it is, and nothing is asked for."""
    run(editor)
    assert eventually(lambda: inked(editor, live) > 20, True, PATIENCE)
    editor.shoot("live-first")
    place, asked = editor.place(live), []
    listener = lambda request: asked.append(request.url)  # noqa: E731
    editor.page.on("request", listener)
    editor.drag(editor.stage("live"), HEAD, (-40, 12))
    assert eventually(lambda: editor.values(live)["yaw"], lambda yaw: 5 < yaw < 120) > 5
    assert editor.values(live)["pitch"] > 1
    assert editor.place(live) == place
    editor.page.locator(".itportrait-live [data-shading=normals]").click()
    editor.page.locator(".itportrait-live [data-preset=profile]").click()
    assert (editor.values(live)["shading"], editor.values(live)["yaw"]) == ("normals", 85)
    editor.page.remove_listener("request", listener)
    assert [url for url in asked if "itplive" in url or "/prompt" in url] == []
    editor.stage("live").focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight"):
        editor.page.keyboard.press(key)
    assert editor.values(live)["yaw"] == 6
    editor.drag(
        editor.stage("live"), HEAD, (0, 0)
    )  # whoever clicks the head has the wheel turn its field of view
    before = editor.values(live)
    editor.page.mouse.wheel(0, 100)
    assert eventually(lambda: editor.values(live)["fov"] > before["fov"], True)
    assert (editor.values(live)["yaw"], editor.place(live)) == (before["yaw"], place)
    editor.shoot("live-turned")


def test_what_it_shows_is_stored_as_plain_numbers(editor: Editor, live: int) -> None:
    """In the workflow and in the prompt; the view in neither. Reloaded and copied nodes show the same."""
    editor.page.locator(".itportrait-live [data-preset=threeQuarter]").click()
    values = editor.values(live)
    inputs = editor.prompt()[str(live)]["inputs"]
    assert {name: inputs[name] for name in STATE} == {name: values[name] for name in STATE}
    assert "view" not in inputs
    saved = editor.workflow()
    stored = next(node for node in saved["nodes"] if node["type"] == LIVE)["widgets_values"]
    assert len(stored) == len([name for name in values if name != "view"])
    editor.load(saved)
    again = editor.js("(kind) => app.graph._nodes.find((node) => node.type === kind).id", LIVE)
    assert {name: editor.values(again)[name] for name in STATE} == {name: values[name] for name in STATE}


def test_a_pasted_head_and_one_in_a_subgraph_are_their_own(editor: Editor, live: int) -> None:
    """A copy shows the same numbers and turns alone; inside a subgraph a run still finds its view."""
    editor.page.locator(".itportrait-live [data-preset=threeQuarter]").click()
    copy = """(id) => { const { canvas } = app; const node = app.graph.getNodeById(id);
        canvas.deselectAll?.(); canvas.selectNode(node);
        canvas.copyToClipboard(); canvas.pasteFromClipboard(); }"""
    editor.js(copy, live)
    of_kind = "(kind) => app.graph._nodes.filter((node) => node.type === kind).map((node) => node.id)"
    pasted = max(eventually(lambda: editor.js(of_kind, LIVE), lambda found: len(found) > 1))
    assert editor.values(pasted)["yaw"] == 35
    assert eventually(editor.page.locator(".itportrait-live").count, lambda views: views > 1) > 1
    editor.js(TURN, [pasted, -20])
    assert (editor.values(live)["yaw"], editor.values(pasted)["yaw"]) == (35, -20)
    editor.js("(id) => app.graph.remove(app.graph.getNodeById(id))", pasted)
    convert = """(id) => { const made = app.graph.convertToSubgraph(new Set([app.graph.getNodeById(id)]));
        window.made = made.subgraph; }"""
    editor.js(convert, live)
    run(editor)
    editor.js("() => app.canvas.setGraph(window.made)")
    shown = "() => window.made.nodes.find((node) => node.type === 'ITportrait_LiveHead').id"
    assert eventually(lambda: inked(editor, editor.js(shown), "window.made"), lambda n: n > 20, PATIENCE) > 20
    editor.shoot("live-subgraph")
    editor.js("() => app.canvas.setGraph(app.rootGraph ?? app.graph)")
    if editor.nodes2:  # frontend 1.32.9 shows no node of any kind once a graph was cleared after that
        editor.reload()


TURN = """([id, yaw]) => { const widget = app.graph.getNodeById(id).widgets.find((w) => w.name === "yaw");
    widget.value = yaw; widget.callback?.(yaw); }"""


def test_views_are_freed_with_their_nodes(editor: Editor, live: int) -> None:
    """Collapsed, off the screen or deleted, they give back what they held; seen again, they take it again."""
    for at in range(3):
        editor.add(LIVE, (380 + 30 * at, 30 * at))
    assert eventually(editor.page.locator(".itportrait-live").count, 4) == 4
    assert eventually(lambda: alive(editor), [4, 1]) == [4, 1]
    editor.js("(id) => { app.graph.getNodeById(id).collapse(); app.canvas.setDirty(true, true); }", live)
    assert eventually(lambda: alive(editor), [3, 1]) == [3, 1]
    for offset, wanted in ((9000, [0, 0]), (40, [3, 1])):
        editor.js("(x) => { app.canvas.ds.offset = [x, 60]; app.canvas.setDirty(true, true); }", offset)
        assert eventually(lambda: alive(editor), wanted) == wanted
    editor.clear()
    assert eventually(editor.page.locator(".itportrait-live").count, 0) == 0
    assert eventually(lambda: alive(editor), [0, 0]) == [0, 0]


def alive(editor: Editor) -> list[int]:
    """How many heads hold the renderer, and how many WebGL contexts there are."""
    script = (
        f"async () => {{ const {{ engine }} = await import('/extensions/{NAME}/live_head/engine.mjs');"
        " return [engine.owners.size, engine.alive.contexts]; }"
    )
    return list(editor.js(script))


def test_the_switch_of_multi_view_render_brings_and_removes_the_head(editor: Editor) -> None:
    loader, node = editor.add(LOADER, (20, 40)), editor.add(RENDER, (380, 10))
    editor.connect(loader, 0, node, "generator")
    show = editor.add("PreviewImage", (860, 40))
    editor.connect(node, 0, show, "images")
    assert editor.page.locator(".itportrait-live").count() == 0
    flip(editor, node, True)
    assert eventually(editor.page.locator(".itportrait-live").count, 1) == 1
    stored = next(n for n in editor.workflow()["nodes"] if n["type"] == RENDER)["widgets_values"]
    run(editor)
    assert eventually(lambda: inked(editor, node) > 20, True, PATIENCE)
    room = (
        "(id) => { const node = app.graph.getNodeById(id); return node.size[1] + 1 - node.computeSize()[1]; }"
    )
    assert eventually(lambda: editor.js(room, node), lambda spare: spare >= 0) >= 0
    editor.shoot("live-render")
    flip(editor, node, False)
    assert eventually(editor.page.locator(".itportrait-live").count, 0) == 0
    assert len(stored) == len(
        next(n for n in editor.workflow()["nodes"] if n["type"] == RENDER)["widgets_values"]
    )


def flip(editor: Editor, node: int, value: bool) -> None:
    editor.js(
        "([id, value]) => { const w = app.graph.getNodeById(id).widgets.find((w) => w.name === 'live');"
        " w.value = value; w.callback?.(value); }",
        [node, value],
    )


def test_a_head_turns_while_it_trains(editor: Editor) -> None:
    """It comes by itself, is turned by hand while steps are made, and the run is stopped from its node."""
    loader, person = (editor.add(kind, (20, 40 + 300 * i)) for i, kind in enumerate((LOADER, PERSON)))
    node = editor.add(TRAIN, (380, 10), steps=5000)
    editor.connect(loader, 0, person, "generator")
    editor.connect(loader, 0, node, "generator")
    editor.connect(person, 0, node, "portrait")
    show = editor.add("PreviewImage", (860, 40))
    editor.connect(node, 2, show, "images")
    editor.queue()
    assert eventually(lambda: inked(editor, node), lambda colours: colours > 20, PATIENCE) > 20
    before = heading(editor)
    editor.drag(editor.stage("live"), HEAD, (-40, 0))
    assert eventually(lambda: heading(editor) != before, True)
    assert editor.heard()["ended"] == ""
    editor.shoot("live-trains")
    moment = editor.page.locator(".itportrait-live [data-slider=moment]")
    assert eventually(moment.is_visible, True, PATIENCE)
    stop = "(id) => app.graph.getNodeById(id).widgets.find((w) => w.type === 'button').callback()"
    editor.js(stop, node)
    assert editor.finish()["ended"] == "execution_success"
    assert heading(editor) != before


def heading(editor: Editor) -> str:
    """What the head's stage says of its yaw."""
    return editor.stage("live").get_attribute("aria-valuenow") or ""


def test_a_training_shows_its_generators_and_offers_moments(editor: Editor) -> None:
    """Messages of a training make the view and the slider; what is no live head makes nothing."""
    node = editor.add("ITportrait_Stylize", (380, 10))
    values = next(n for n in editor.workflow()["nodes"] if n["id"] == node)["widgets_values"]
    send(
        editor,
        {"node": str(node), "run": "apt-" + "0" * 16, "step": 3, "total": 9, "file": {"filename": "a.png"}},
    )
    assert editor.page.locator(".itportrait-live").count() == 0
    for step in (3, 6):
        file = {"filename": f"{step}.itplive", "subfolder": "none", "type": "temp"}
        message = {"node": str(node), "run": "apt-" + "0" * 16, "step": step, "total": 9, "file": file}
        send(editor, {**message, "moment": True})
    assert eventually(editor.page.locator(".itportrait-live").count, 1) == 1
    slider = editor.page.locator(".itportrait-live [data-slider=moment]")
    assert slider.get_attribute("max") == "1"
    assert next(n for n in editor.workflow()["nodes"] if n["id"] == node)["widgets_values"] == values
    editor.shoot("live-training")


def send(editor: Editor, detail: dict[str, Any]) -> None:
    editor.js(
        """async (detail) => { const api = app.api ?? (await import("/scripts/api.js")).api;
            api.dispatchCustomEvent ? api.dispatchCustomEvent("itportrait.live", detail)
                : api.dispatchEvent(new CustomEvent("itportrait.live", { detail })); }""",
        detail,
    )
