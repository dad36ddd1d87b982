"""The five-point view in a real editor: the picture shows before any run, dragged points become a text."""

from __future__ import annotations

import pytest
from harness.editor import Editor
from harness.waiting import eventually, frames, still

EYE = (0.375, 0.473)
"""Where the eye on the left is guessed to be, in shares of FFHQ's square."""
GUESSED = "not run yet: drag the points, or run to detect"
FOUND = "found in the picture"


@pytest.fixture
def align(editor: Editor) -> int:
    """Align Portrait behind Load Image with a drawn face of 400 x 480 pixels."""
    picture = editor.add("LoadImage", (-20, 60), image="face.png")
    node = editor.add("ITportrait_Align", (420, 60))
    editor.connect(picture, 0, node, "image")
    note = editor.page.locator(".itportrait-points .note")
    assert eventually(note.inner_text, GUESSED) == GUESSED  # so the picture is there, with points on it
    still(editor.stage("points"))
    return node


def spot(editor: Editor, x: float, y: float) -> tuple[float, float]:
    """Shares of the stage where the point (x, y) of the picture, in shares, is drawn."""
    size = editor.stage("points").evaluate("(stage) => [stage.offsetWidth, stage.offsetHeight]")
    scale = min((size[0] - 12) / 400, (size[1] - 12) / 480)
    return (0.5 + (x - 0.5) * 400 * scale / size[0], 0.5 + (y - 0.5) * 480 * scale / size[1])


def guessed(x: float, y: float) -> tuple[float, float]:
    """Where the middle face's point (x, y) lies in a picture of 400 x 480."""
    return (0.5 + (x - 0.5) * 0.8, 0.5 + (y - 0.5) * 0.8 * 400 / 480)


def numbers(text: str) -> list[list[float]]:
    return [[float(value) for value in pair.split(",")] for pair in text.split()]


def test_points_are_dragged_without_detection(editor: Editor, align: int) -> None:
    place = editor.place(align)
    assert editor.values(align)["points"] == ""
    editor.shoot("points-guessed")
    editor.drag(editor.stage("points"), spot(editor, *guessed(*EYE)), (14, -8))
    points = numbers(editor.values(align)["points"])
    assert len(points) == 5
    before = guessed(*EYE)
    assert points[0][0] > before[0] + 0.01
    assert points[0][1] < before[1] - 0.005
    assert points[1] == pytest.approx(guessed(0.625, 0.473), abs=2e-3)
    assert editor.place(align) == place
    editor.shoot("points-dragged")


def test_the_text_is_what_the_prompt_carries(editor: Editor, align: int) -> None:
    editor.drag(editor.stage("points"), spot(editor, *guessed(*EYE)), (14, -8))
    prompt = editor.prompt()[str(align)]["inputs"]
    assert prompt["points"] == editor.values(align)["points"]
    assert "view" not in prompt


def test_keyboard_moves_a_point_and_escape_asks_for_detection(editor: Editor, align: int) -> None:
    editor.stage("points").focus()
    editor.page.keyboard.press("Tab")
    editor.page.keyboard.press("ArrowRight")
    points = numbers(editor.values(align)["points"])
    assert points[1][0] == pytest.approx(guessed(0.625, 0.473)[0] + 5 / 400, abs=2e-4)
    editor.page.keyboard.press("Escape")
    assert eventually(lambda: editor.values(align)["points"], "") == ""


def test_detect_button_clears_the_text(editor: Editor, align: int) -> None:
    button = editor.page.locator(".itportrait-points button")
    assert button.is_disabled()
    editor.drag(editor.stage("points"), spot(editor, *guessed(*EYE)), (14, -8))
    button.click()
    assert eventually(lambda: editor.values(align)["points"], "") == ""


def test_without_a_picture_it_says_so(editor: Editor) -> None:
    editor.add("ITportrait_Align", (320, 60))
    note = editor.page.locator(".itportrait-points .note")
    assert eventually(note.inner_text, "Connect a picture") == "Connect a picture"


def test_a_run_shows_the_points_that_were_used(editor: Editor, align: int) -> None:
    """Points placed by hand come back from the run, and stay."""
    editor.drag(editor.stage("points"), spot(editor, *guessed(*EYE)), (14, -8))
    text = editor.values(align)["points"]
    shown = editor.add("PreviewImage", (840, 60))
    editor.connect(align, 0, shown, "images")
    editor.queue()
    done = editor.finish()
    assert done["ended"] == "execution_success", done["error"]
    assert editor.values(align)["points"] == text
    frames(editor.page)
    editor.shoot("points-run")


def test_points_that_were_found_are_there_after_a_reload(editor: Editor, align: int) -> None:
    """Until the node would take another picture."""
    size = 384 if editor.nodes2 else 512  # the server tells nothing of a node whose result it still has
    script = "([id, v]) => (app.graph.getNodeById(id).widgets.find((w) => w.name === 'size').value = v)"
    editor.js(script, [align, size])
    shown = editor.add("PreviewImage", (840, 60))
    editor.connect(align, 0, shown, "images")
    editor.queue()
    done = editor.finish()
    assert done["ended"] == "execution_success", done["error"]
    note = editor.page.locator(".itportrait-points .note")
    assert eventually(note.inner_text, FOUND) == FOUND
    saved = editor.workflow()
    editor.reload()
    editor.load(saved)
    assert eventually(note.inner_text, FOUND) == FOUND
    frames(editor.page)
    assert note.inner_text() == FOUND
    editor.shoot("points-reloaded")
    for node in saved["nodes"]:
        if node["type"] == "LoadImage":
            node["widgets_values"][0] = "example.png"
    editor.reload()
    editor.load(saved)
    others = eventually(note.inner_text, lambda text: text not in ("", FOUND))
    assert others != FOUND
    frames(editor.page)
    assert note.inner_text() != FOUND
