"""The camera view in a real editor: hands move it, the number widgets hold it, nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
from harness.editor import Editor
from harness.waiting import eventually

ORBIT, INVERSION = "ITportrait_CameraOrbit", "ITportrait_Inversion"
HEAD = (0.5, 0.35)
"""A point on the head glyph, in shares of the stage."""


@pytest.fixture
def orbit(editor: Editor) -> int:
    """A Camera Orbit node."""
    return editor.add(ORBIT, (320, 60))


def test_drag_turns_the_head_and_nothing_else(editor: Editor, orbit: int) -> None:
    before, place = editor.values(orbit), editor.place(orbit)
    editor.drag(editor.stage(), HEAD, (-40, 15))
    after = editor.values(orbit)
    assert 5 < after["yaw"] < 90
    assert 2 < after["pitch"] < 60
    assert editor.place(orbit) == place
    same = set(before) - {"yaw", "pitch"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    editor.shoot("camera-drag")


def test_shift_drag_rolls(editor: Editor, orbit: int) -> None:
    editor.drag(editor.stage(), (0.5, 0.12), (45, 0), key="Shift")
    after = editor.values(orbit)
    assert after["roll"] < -5
    assert (after["yaw"], after["pitch"]) == (0, 0)


def test_wheel_zooms_only_a_view_that_was_clicked(editor: Editor, orbit: int) -> None:
    place = editor.place(orbit)
    editor.drag(editor.stage(), HEAD, (0, 0))
    home = pytest.approx(13.37, abs=0.02)
    editor.page.mouse.wheel(0, -120)
    assert eventually(lambda: editor.values(orbit)["fov"], lambda fov: fov < 13) < 13
    assert editor.place(orbit) == place
    editor.page.mouse.wheel(0, 120)
    assert eventually(lambda: editor.values(orbit)["fov"], home) == home


def test_keyboard_moves_rolls_zooms_and_resets(editor: Editor, orbit: int) -> None:
    editor.stage().focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "]", "+"):
        editor.page.keyboard.press(key)
    moved = editor.values(orbit)
    assert (moved["yaw"], moved["pitch"], moved["roll"]) == (10, 5, 5)
    assert moved["fov"] < 13
    editor.page.keyboard.press("Shift+ArrowLeft")
    assert editor.values(orbit)["yaw"] == 9
    editor.page.keyboard.press("Home")
    home = editor.values(orbit)
    assert (home["yaw"], home["pitch"], home["roll"], home["fov"]) == (0, 0, 0, 13.37)


def test_double_click_resets(editor: Editor, orbit: int) -> None:
    editor.drag(editor.stage(), HEAD, (-60, 20))
    editor.stage().dblclick(position={"x": 150, "y": 60})
    home = editor.values(orbit)
    assert (home["yaw"], home["pitch"], home["roll"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("front", {"path": "single view", "yaw": 0}),
        ("threeQuarter", {"path": "single view", "yaw": 35}),
        ("profile", {"path": "single view", "yaw": 85}),
        ("turntable", {"path": "turntable", "views": 24}),
        ("grid", {"path": "grid", "columns": 5, "rows": 3}),
        ("figureEight", {"path": "figure-eight", "views": 48}),
    ],
)
def test_presets_write_plain_values(
    editor: Editor, orbit: int, preset: str, expected: dict[str, Any]
) -> None:
    button = editor.page.locator(f".itportrait-camera [data-preset={preset}]")
    button.click()
    values = editor.values(orbit)
    assert {name: values[name] for name in expected} == expected
    assert eventually(lambda: button.get_attribute("aria-pressed"), "true") == "true"
    if preset in ("grid", "figureEight"):
        editor.shoot(f"camera-{preset}")


def test_map_sets_the_angles_directly(editor: Editor, orbit: int) -> None:
    editor.drag(editor.stage(), (0.75, 0.85), (0, 0))
    assert 35 < editor.values(orbit)["yaw"] < 75


def test_saved_workflow_and_prompt_hold_plain_numbers(editor: Editor, orbit: int) -> None:
    """The workflow stores the widgets' values in order and the view not at all; so does the prompt."""
    editor.drag(editor.stage(), HEAD, (-40, 15))
    values = {name: value for name, value in editor.values(orbit).items() if name != "view"}
    saved = editor.workflow()
    assert saved["nodes"][0]["widgets_values"] == list(values.values())
    assert editor.prompt() == {str(orbit): _entry(editor, orbit, values)}
    editor.clear()
    editor.load(saved)
    restored = editor.js("() => app.graph._nodes[0].id")
    assert {name: editor.values(restored)[name] for name in values} == values
    editor.shoot("camera-restored")


def test_typed_numbers_reach_the_view(editor: Editor, orbit: int) -> None:
    spoken = editor.stage().get_attribute("aria-valuetext")
    editor.js("(id) => { const w = app.graph.getNodeById(id).widgets.find((w) => w.name === 'yaw');"
              " w.value = 77; w.callback?.(77); }", orbit)  # fmt: skip
    assert eventually(lambda: editor.stage().get_attribute("aria-valuenow"), "77") == "77"
    assert editor.stage().get_attribute("aria-valuetext") != spoken


def test_inversion_is_told_that_the_pose_is_set_by_hand(editor: Editor) -> None:
    node = editor.add(INVERSION, (320, 20))
    assert editor.values(node)["pose_init"] == "twin"
    editor.drag(editor.stage(), HEAD, (-30, 0))
    after = editor.values(node)
    assert after["pose_init"] == "user"
    assert after["yaw"] > 0
    assert editor.page.locator(".itportrait-camera button").count() == 3
    editor.shoot("camera-inversion")


def test_copies_have_views_of_their_own_and_removed_nodes_leave_none(editor: Editor, orbit: int) -> None:
    second = editor.add(ORBIT, (760, 60))
    assert editor.page.locator(".itportrait-camera").count() == 2
    editor.drag(editor.stage(index=1), HEAD, (-40, 0))
    assert {editor.values(orbit)["yaw"] == 0, editor.values(second)["yaw"] == 0} == {True, False}
    editor.clear()
    assert eventually(editor.page.locator(".itportrait-camera").count, 0) == 0


def test_light_theme(editor: Editor, orbit: int) -> None:
    """The view follows the page's colours."""
    editor.js("() => app.extensionManager.setting.set('Comfy.ColorPalette', 'light')")
    editor.drag(editor.stage(), HEAD, (-30, 10))
    red = eventually(lambda: _red(editor), lambda red: red < 128)
    editor.shoot("camera-light")
    editor.js("() => app.extensionManager.setting.set('Comfy.ColorPalette', 'dark')")
    assert red < 128
    assert eventually(lambda: _red(editor), lambda red: red > 128) > 128


def _red(editor: Editor) -> int:
    """How red the view's text is, of 255."""
    colour = editor.stage().evaluate("(stage) => getComputedStyle(stage).color")
    return int(colour.removeprefix("rgb(").split(",")[0])


def _entry(editor: Editor, node: int, values: dict[str, Any]) -> dict[str, Any]:
    """The prompt's entry of a node; its title is the frontend's business."""
    return {"inputs": values, "class_type": ORBIT, "_meta": editor.prompt()[str(node)]["_meta"]}
