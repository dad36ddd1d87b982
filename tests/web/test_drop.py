"""Files that our nodes saved, dropped on the canvas: each rebuilds the workflow that made it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from harness.client import ComfyClient
from harness.editor import Editor
from harness.graph import Graph
from harness.waiting import eventually, frames

from itportrait_core.recipes.carriers import KEY, attach, png_bytes, png_pixels, read_notes

TYPES = {".png": "image/png", ".glb": "model/gltf-binary", ".safetensors": ""}
LEVEL = 0.15
"""A density that stand-in networks reach."""
HOSTILE: list[str] = json.loads(Path(__file__).with_name("hostile.json").read_text(encoding="utf-8"))
DROP = """([name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    const place = { clientX: 700, clientY: 500, bubbles: true, cancelable: true, dataTransfer };
    const canvas = app.canvas.canvas ?? app.canvasEl;
    canvas.dispatchEvent(new DragEvent("dragover", place));
    canvas.dispatchEvent(new DragEvent("drop", place)); }"""


def drop(editor: Editor, file: Path, wait: int = 4) -> None:
    """Let a file fall on the canvas, and see some frames."""
    editor.js(DROP, [file.name, TYPES[file.suffix], base64.b64encode(file.read_bytes()).decode()])
    frames(editor.page, wait)


def kinds(editor: Editor) -> list[str]:
    return sorted(editor.js("() => app.graph._nodes.map((node) => node.type)"))


@pytest.fixture
def saved(editor: Editor) -> list[Path]:
    """A picture, a mesh and a style, saved by a run from this editor; the graph holds what made them."""
    folder = editor.base / "output" / "itportrait" / editor.name
    client = ComfyClient(editor.url)
    graph = Graph(client.nodes())
    client.close()
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=8)
    camera = graph.add("CameraOrbit", yaw=20, pitch=-5)
    seen = graph.add("MultiViewRender", generator=base, cameras=camera, portrait=person)
    head = graph.add("ExtractMesh", generator=base, portrait=person, resolution=32, level=LEVEL)
    graph.add("SavePictures", images=seen, recipe=seen[7], name=f"{editor.name}/seen")
    graph.add("SaveMesh", mesh=head, recipe=head[1], name=f"{editor.name}/head")
    graph.add("SaveGenerator", generator=base, name=f"{editor.name}/style")
    editor.load_prompt(graph.prompt)
    editor.queue()
    done = editor.finish()
    assert done["ended"] == "execution_success", done["error"]
    return [max(folder.glob(f"*{ending}")) for ending in TYPES]


def test_every_kind_of_file_rebuilds_its_workflow(editor: Editor, saved: list[Path]) -> None:
    before = kinds(editor)
    values = [entry["inputs"] for _, entry in sorted(editor.prompt().items())]
    for file in saved:
        assert KEY in read_notes(file)
        editor.clear()
        drop(editor, file)
        assert eventually(lambda: kinds(editor), before) == before, file.name
        again = [entry["inputs"] for _, entry in sorted(editor.prompt().items())]
        assert [i.get("yaw") for i in again] == [i.get("yaw") for i in values], file.name
    editor.shoot("dropped")


def test_the_setting_decides_about_new_nodes_only(editor: Editor) -> None:
    """Privacy on: nodes that are placed leave names out; a loaded one keeps what it was saved with."""
    name = "ITportrait.Recipes.Private"
    open_node = editor.add("ITportrait_SavePictures", (320, 60))
    saved = editor.workflow()
    editor.js("(name) => app.extensionManager.setting.set(name, true)", name)
    assert editor.values(open_node)["private"] is False
    assert editor.values(editor.add("ITportrait_SaveMesh", (720, 60)))["private"] is True
    editor.clear()
    editor.load(saved)
    assert editor.values(open_node)["private"] is False
    editor.js("(name) => app.extensionManager.setting.set(name, false)", name)


def test_hostile_notes_in_files_run_nothing(editor: Editor, saved: list[Path], tmp_path: Path) -> None:
    """Strings in the notes of a picture and of a style, as workflow texts and in place of the workflow."""
    picture, _, style = saved
    pixels, notes = png_pixels(picture), read_notes(picture)
    for number, text in enumerate(HOSTILE[::3]):
        workflow = json.loads(notes["workflow"])
        for node in workflow["nodes"]:
            node["title"] = text
        strange = {"workflow": json.dumps(workflow) if number % 2 else text, KEY: text, "prompt": text}
        file = tmp_path / (f"{number}.png" if number % 4 else f"{number}.safetensors")
        if number % 4:
            file.write_bytes(png_bytes(pixels, strange))
        else:
            file.write_bytes(style.read_bytes())
            attach(file, strange)
        drop(editor, file, 1)
    editor.clear()
    drop(editor, picture)  # once this one is open, those before it have been read
    assert eventually(lambda: kinds(editor), bool)
    assert editor.js("() => window.hacked") is None
    assert editor.js("() => ({}).hacked") is None
    editor.page.keyboard.press("Escape")
    editor.reload()
