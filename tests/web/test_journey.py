"""An artist's afternoon in one go: open a template, turn the camera, run, look, reload, find everything."""

from __future__ import annotations

from harness import workflows
from harness.editor import Editor
from harness.layout import covered, fit
from harness.waiting import eventually, kept

TEMPLATE = "Style from one picture"
SHOWN = """() => app.graph._nodes.filter((node) => node.type === "SaveImage"
    && (app.nodeOutputs?.[node.id]?.images?.length || node.imgs?.length)).length"""


def test_template_camera_run_result_reload(editor: Editor) -> None:
    workflow = workflows.read(TEMPLATE)
    for node in workflow["nodes"]:  # few steps: the networks are stand-ins
        if node["type"] in ("ITportrait_Inversion", "ITportrait_Stylize"):
            place = 4 if node["type"].endswith("Inversion") else 0
            node["widgets_values"][place] = 12
    editor.load(workflow)
    orbit, other = (
        editor.js("(kind) => app.graph._nodes.find((node) => node.type === kind).id", f"ITportrait_{kind}")
        for kind in ("CameraOrbit", "Inversion")
    )
    editor.show_node(orbit)
    before = editor.values(orbit)
    editor.drag(editor.stage_of(orbit), (0.5, 0.35), (-25, 10))
    turned = editor.values(orbit)
    assert turned["yaw"] > before["yaw"] and turned["pitch"] > before["pitch"]
    assert editor.values(other)["pose_init"] == "twin"  # the other camera view of the graph is left alone
    editor.shoot("journey-camera")
    prompt = editor.prompt()
    editor.queue()
    done = editor.finish(400)
    assert done["ended"] == "execution_success", done["error"]
    assert done["previews"] >= 1
    savers = sum(node["type"] == "SaveImage" for node in workflow["nodes"])
    assert eventually(lambda: editor.js(SHOWN), savers) == savers
    fit(editor)
    editor.shoot("journey-result")
    assert covered(editor) == []  # with the last preview in every node that draws
    saved = editor.workflow()
    kept(editor.page, str(turned["yaw"]))
    editor.reload()
    if not editor.js("() => app.graph._nodes.length"):
        editor.load(saved)
    assert editor.prompt() == prompt
    assert editor.values(orbit)["yaw"] == turned["yaw"]
    editor.shoot("journey-reloaded")
