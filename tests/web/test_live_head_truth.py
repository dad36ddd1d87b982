"""The browser draws what the server draws: raw pictures, cameras, ends of a cross-fade, lost contexts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")

import itportrait_core as itp
from benchmarks import live_head as bench
from benchmarks.live_page import LivePage
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.live.page import page
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator
from itportrait_core.networks.eg3d_config import RenderingConfig

WEB = Path(__file__).parents[2] / "web"
STAGE = "document.querySelector('.itportrait-live').shadowRoot.querySelector('.stage')"
INKED = f"""() => {{ const canvas = {STAGE}.querySelector("canvas"); if (!canvas.width) return false;
    const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data).size > 100; }}"""
"""Whether a head is on the canvas."""
VIEWS = [bench.all_views()[i] for i in (3, 9, 22)]
SIDE = 32


@pytest.fixture(scope="module")
def live(browser: Any) -> Iterator[LivePage]:
    with LivePage(browser=browser) as page:
        yield page
        assert page.complaints == []


@pytest.fixture(scope="module")
def generator() -> Any:
    return itp.load_generator("pocket")


def small() -> EG3DGenerator:
    """An untrained generator whose field is quickly read."""
    rendering = RenderingConfig(depth_resolution=6, depth_resolution_importance=6)
    sizes = {"z_dim": 8, "w_dim": 12, "backbone_resolution": 32, "plane_channels": 8, "decoder_hidden": 8}
    config = EG3DConfig(channel_base=256, channel_max=8, rendering=rendering, **sizes)
    return EG3DGenerator(config, seed=0).eval().requires_grad_(False)


def data(*styles: Any) -> bytes:
    """A live head of person 1 by some generators."""
    people = [Person("one", bench.latent(styles[0], 1))]
    return pack([Style(f"style {i}", one) for i, one in enumerate(styles)], people)


@torch.no_grad()
def raw(generator: Any, view: dict[str, float]) -> Any:
    """The server's raw picture `[SIDE, SIDE, 3]` in 0..1."""
    ws = bench.latent(generator, 1)
    image = generator.synthesis(ws, bench.label(view), neural_rendering_resolution=SIDE).image_raw
    return ((image[0].permute(1, 2, 0) + 1) / 2).numpy()


def test_raw_pictures_and_cameras_agree_with_the_server(live: LivePage, generator: Any) -> None:
    """38 dB at rest, 28 dB while it moves, axes within 0.1 degrees."""
    live.load("one.itplive", data(generator))
    for view in VIEWS:
        wanted = raw(generator, view)
        assert bench.decibel(live.picture(view, SIDE, True), wanted) >= bench.WANTED
        assert bench.decibel(live.picture(view, SIDE, True, grid=True), wanted) >= 28
        assert bench.axes_angle(live, view) < 0.1


def test_ends_of_a_cross_fade_are_the_single_styles(live: LivePage, generator: Any) -> None:
    """Bit for bit the picture of a head that holds this style alone."""
    other = itp.load_generator("pocket")
    with torch.no_grad():
        other.backbone.synthesis.b128.torgb.bias.add_(3.0)
        other.decoder.net[2].bias[1:4].sub_(0.5)
    both, ends = data(generator, other), [data(generator), data(other)]
    for fade, single in enumerate(ends):
        live.load("both.itplive", both)
        mixed = live.picture(VIEWS[0], SIDE, True, mix={"fade": fade, "strength": 1.0})
        live.load("single.itplive", single)
        assert (mixed == live.picture(VIEWS[0], SIDE, True)).all()


def test_an_exported_page_opens_from_disk_and_turns_by_touch(
    live: LivePage, generator: Any, tmp_path: Path
) -> None:
    """One file of at most 3 MB that asks for nothing, not even for an icon; a finger turns the head."""
    modules = {file.relative_to(WEB).as_posix(): file.read_text("utf-8") for file in WEB.rglob("*.mjs")}
    file = tmp_path / "head.html"
    file.write_text(page(data(generator), modules, title="Head", license="Weights: terms"), encoding="utf-8")
    assert file.stat().st_size <= 3e6
    context = live.browser.new_context(viewport={"width": 400, "height": 720}, has_touch=True)
    opened, asked, complaints = context.new_page(), [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(file.as_uri())
    stage = opened.locator(".itportrait-live .stage")
    opened.wait_for_function(INKED)
    box = stage.bounding_box()
    assert box is not None and stage.get_attribute("aria-valuenow") == "0"
    touch, y = context.new_cdp_session(opened), box["y"] + box["height"] / 2
    for kind, x in (("touchStart", 200), ("touchMove", 180), ("touchMove", 150), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    opened.wait_for_function("() => " + STAGE + ".getAttribute('aria-valuenow') > 5")
    assert opened.locator("footer").inner_text() == "Weights: terms"
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    assert complaints == []
    context.close()


def test_a_lost_context_comes_back_with_its_picture(live: LivePage, generator: Any) -> None:
    live.files["/lost.itplive"] = data(generator)
    page = live.page
    page.evaluate("() => { window.view = driver.open('/lost.itplive'); }")
    page.wait_for_function("() => view.painter.drawn > 0")
    drawn = page.evaluate(
        """async () => { const lose = driver.engine.gl.getExtension("WEBGL_lose_context");
            lose.loseContext(); await new Promise((done) => setTimeout(done, 300));
            const before = view.painter.drawn; lose.restoreContext(); return before; }"""
    )
    page.wait_for_function("(before) => view.painter.drawn > before", arg=drawn)
    page.evaluate("() => { view.dispose(); view.element.remove(); }")
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


def test_a_hidden_tab_gives_the_context_back(live: LivePage, generator: Any) -> None:
    """And takes one again, with its picture still there, when it is looked at."""
    live.files["/tab.itplive"] = data(generator)
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


def test_where_there_is_no_webgl2_it_says_why_and_asks_for_a_strip(live: LivePage, generator: Any) -> None:
    live.files["/none.itplive"] = data(generator)
    page = live.page
    page.evaluate(
        """() => { const { engine } = driver; window.kept = engine.open;
            engine.open = () => { throw new Error("switched off"); };
            window.view = driver.open("/none.itplive"); }"""
    )
    page.wait_for_function("() => view.note.textContent.includes('switched off')")
    assert page.evaluate("() => view.values.strip") is True
    page.evaluate("() => { view.dispose(); view.element.remove(); driver.engine.open = window.kept; }")
