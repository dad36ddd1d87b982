"""A live head's life in a page: contexts come and go, labels are labels, the finished picture fades in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")

from harness.live_heads import data, small

from benchmarks.live_page import LivePage

HOSTILE: list[str] = json.loads(Path(__file__).with_name("hostile.json").read_text(encoding="utf-8"))
OPEN = "async ([url, state]) => { window.view = driver.open(url, state); await view.done; }"
CLOSE = "() => { view.dispose(); view.element.remove(); }"
KNOWN = {"STYLE", "DIV", "CANVAS", "BUTTON", "SPAN", "IMG", "LABEL", "INPUT"}
"""Elements that a view is made of."""
RED, BLUE = (f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'>"
    f"<rect width='8' height='8' fill='{name}'/></svg>" for name in ("red", "blue"))  # fmt: skip
MIDDLE = """() => [...view.canvas.getContext("2d")
    .getImageData(view.canvas.width >> 1, view.canvas.height >> 1, 1, 1).data.slice(0, 3)]"""


def test_a_lost_context_comes_back_with_its_picture(live: LivePage, embedded: Any) -> None:
    live.files["/lost.itplive"] = data(embedded)
    page = live.page
    page.evaluate("() => { window.view = driver.open('/lost.itplive'); }")
    page.wait_for_function("() => view.painter.drawn > 0")
    drawn = page.evaluate(
        """async () => { const lose = driver.engine.gl.getExtension("WEBGL_lose_context");
            lose.loseContext(); await new Promise((done) => setTimeout(done, 300));
            const before = view.painter.drawn; lose.restoreContext(); return before; }"""
    )
    page.wait_for_function("(before) => view.painter.drawn > before", arg=drawn)
    page.evaluate(CLOSE)
    assert page.evaluate("() => driver.engine.alive.contexts") == 0


def test_many_heads_come_to_rest_by_one_context(live: LivePage) -> None:
    """More than have room on the card: each gets its whole picture, none takes another's away for ever."""
    live.files["/many.itplive"] = data(small())
    page = live.page
    page.evaluate(
        """() => { window.views = Array.from({ length: 5 }, () => driver.open("/many.itplive"));
            for (const view of views) view.element.style.cssText = "position: absolute; inset: 0"; }"""
    )
    page.wait_for_function("() => views.every(({ painter }) => painter.resting)")
    assert page.evaluate("() => [driver.engine.alive.contexts, driver.engine.alive.heads]") == [1, 4]
    colours = """() => views.map(({ canvas }) =>
        new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size)"""
    assert min(page.evaluate(colours)) > 10  # a canvas that nobody drew on has one
    page.evaluate("() => { for (const view of views) { view.dispose(); view.element.remove(); } }")


def test_a_hidden_tab_gives_the_context_back(live: LivePage, embedded: Any) -> None:
    """And takes one again, with its picture still there, when it is looked at."""
    live.files["/tab.itplive"] = data(embedded)
    page = live.page
    page.evaluate("() => { window.view = driver.open('/tab.itplive'); }")
    page.wait_for_function("() => view.painter.drawn > 0")
    hide = """(hidden) => { Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange")); return driver.engine.alive.contexts; }"""
    drawn = page.evaluate("() => view.painter.drawn")
    assert page.evaluate(hide, True) == 0
    assert page.evaluate(hide, False) == 1
    page.wait_for_function("(before) => view.painter.drawn > before", arg=drawn)
    page.evaluate("() => { delete document.hidden; view.dispose(); view.element.remove(); }")


def test_where_there_is_no_webgl2_it_says_why_and_shows_the_nearest_of_a_strip(
    live: LivePage, embedded: Any
) -> None:
    live.files["/none.itplive"] = data(embedded)
    page = live.page
    page.evaluate(
        """() => { const { engine } = driver; window.kept = engine.open;
            engine.open = () => { throw new Error("switched off"); };
            window.view = driver.open("/none.itplive"); }"""
    )
    page.wait_for_function("() => view.note.textContent.includes('switched off')")
    assert page.evaluate("() => view.values.strip") is True
    views = [{"url": url, "yaw": yaw, "pitch": 0} for url, yaw in ((RED, -30), (BLUE, 30))]
    page.evaluate("(views) => view.strip.show(views)", views)
    for yaw, colour in ((25, [0, 0, 255]), (-60, [255, 0, 0])):
        page.evaluate("(yaw) => view.change({ yaw })", yaw)
        page.wait_for_function(f"(wanted) => String(({MIDDLE})()) === String(wanted)", arg=colour)
    page.evaluate("() => { view.dispose(); view.element.remove(); driver.engine.open = window.kept; }")


def test_hostile_names_are_plain_labels(live: LivePage) -> None:
    """Of generators and of people, as the file brings them: nothing runs and nothing becomes an element."""
    page, generator = live.page, small()
    known = set(page.evaluate("() => [...document.querySelectorAll('*')].map((one) => one.tagName)"))
    for at in range(0, len(HOSTILE), 5):
        names = (HOSTILE * 2)[at : at + 5]
        live.files["/names.itplive"] = data(*[generator] * 4, names=("plain", *names[:3]), people=names[3:])
        page.evaluate(OPEN, ["/names.itplive", {"person": 1}])
        for fade in (1, 2, 3):
            page.evaluate("(fade) => view.change({ fade })", fade)
            label = "view.controls.sliders.fade.text.textContent", f"view.head.styles[{fade}].name"
            shown, wanted = page.evaluate("() => [{}, {} || view.words.fade]".format(*label))
            assert shown == wanted
        inside = "() => [...view.element.shadowRoot.querySelectorAll('*')].map((one) => one.tagName)"
        assert set(page.evaluate(inside)) <= KNOWN
        page.evaluate(CLOSE)
    assert page.evaluate("() => window.hacked ?? ({}).hacked ?? null") is None
    assert set(page.evaluate("() => [...document.querySelectorAll('*')].map((one) => one.tagName)")) == known


def test_the_finished_picture_fades_in_at_rest_and_goes_with_the_first_move(live: LivePage) -> None:
    """Where its numbers are those shown, and where it is asked for."""
    live.files["/finished.itplive"] = data(small())
    page = live.page
    page.evaluate(OPEN, ["/finished.itplive", {}])
    page.evaluate("(url) => view.showFinished(url, { ...view.values })", RED)
    seen = "() => view.picture.classList.contains('seen')"
    page.wait_for_function(seen)
    assert page.evaluate("() => view.painter.resting")
    page.evaluate("() => view.change({ yaw: 20 })")
    assert not page.evaluate(seen)
    page.wait_for_function("() => view.painter.resting")
    assert not page.evaluate(seen)
    page.evaluate("() => view.change({ yaw: 0 })")
    page.wait_for_function(seen)
    page.evaluate(
        "() => { view.options = () => ({ speed: 1, inverted: false, finished: false }); view.refresh(); }"
    )
    assert not page.evaluate(seen)
    page.evaluate(CLOSE)


def test_a_mixture_says_that_it_is_a_preview(live: LivePage) -> None:
    """Between two styles, and not at the ends."""
    live.files["/mixed.itplive"] = data(small(), small())
    page = live.page
    page.evaluate(OPEN, ["/mixed.itplive", {}])
    said = []
    for fade in (0, 0.5, 1):
        page.evaluate("(fade) => view.change({ fade })", fade)
        said.append(page.evaluate("() => [view.note.hidden, view.note.textContent]"))
    assert said == [[True, ""], [False, page.evaluate("() => view.words.mixPreview")], [True, ""]]
    page.evaluate(CLOSE)


FLICK = """() => { const { stage, values } = view, { now } = performance, box = stage.getBoundingClientRect();
    let time = 0; stage.setPointerCapture = () => {}; performance.now = () => time;
    const send = (kind, x) => stage.dispatchEvent(new PointerEvent(kind,
        { pointerId: 7, button: 0, bubbles: true, clientX: box.x + x, clientY: box.y + 80 }));
    send("pointerdown", 120);
    for (const x of [116, 112, 108, 104, 100]) { time += 16; send("pointermove", x); }
    send("pointerup", 100); performance.now = now; return values.yaw; }"""
"""A drag of 80 milliseconds by a clock of its own; the yaw that it leads to."""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_flicked_head_goes_on_turning_and_comes_to_rest(live: LivePage, motion: Any) -> None:
    """Not for those who have asked their system for less motion."""
    live.files["/flick.itplive"] = data(small())
    page = live.page
    page.emulate_media(reduced_motion=motion)
    page.evaluate(OPEN, ["/flick.itplive", {}])
    dragged = page.evaluate(FLICK)
    assert dragged > 5
    page.wait_for_function("() => !view.hands.gliding && view.painter.resting")
    gone_on = page.evaluate("() => view.values.yaw") - dragged
    assert gone_on > 5 if motion == "no-preference" else gone_on == 0
    page.evaluate(CLOSE)
