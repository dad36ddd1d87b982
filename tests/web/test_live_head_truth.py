"""The browser draws what the server draws: raw pictures, cameras, ends of a cross-fade, exported pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")

from harness.live_heads import data

import itportrait_core as itp
from benchmarks import live_truth as bench
from benchmarks.live_page import LivePage
from itportrait_core.live.page import page

WEB = Path(__file__).parents[2] / "web"
STAGE = "document.querySelector('.itportrait-live').shadowRoot.querySelector('.stage')"
INKED = f"""() => {{ const canvas = {STAGE}.querySelector("canvas"); if (!canvas.width) return false;
    const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data).size > 100; }}"""
"""Whether a head is on the canvas."""
VIEWS = [bench.all_views()[i] for i in (3, 9, 22)]
SIDE = 32


@torch.no_grad()
def raw(generator: Any, view: dict[str, float]) -> Any:
    """The server's raw picture `[SIDE, SIDE, 3]` in 0..1."""
    ws = bench.latent(generator, 1)
    image = generator.synthesis(ws, bench.label(view), neural_rendering_resolution=SIDE).image_raw
    return ((image[0].permute(1, 2, 0) + 1) / 2).numpy()


def test_raw_pictures_and_cameras_agree_with_the_server(live: LivePage, embedded: Any) -> None:
    """38 dB at rest, 28 dB while it moves, axes within 0.1 degrees."""
    live.load("one.itplive", data(embedded))
    for view in VIEWS:
        wanted = raw(embedded, view)
        assert bench.decibel(live.picture(view, SIDE, True), wanted) >= bench.WANTED
        assert bench.decibel(live.picture(view, SIDE, True, grid=True), wanted) >= 28
        assert bench.axes_angle(live, view) < 0.1


def test_ends_of_a_cross_fade_are_the_single_styles(live: LivePage, embedded: Any) -> None:
    """Bit for bit the picture of a head that holds this style alone."""
    other = itp.load_generator("pocket")
    with torch.no_grad():
        other.backbone.synthesis.b128.torgb.bias.add_(3.0)
        other.decoder.net[2].bias[1:4].sub_(0.5)
    both, ends = data(embedded, other), [data(embedded), data(other)]
    for fade, single in enumerate(ends):
        live.load("both.itplive", both)
        mixed = live.picture(VIEWS[0], SIDE, True, mix={"fade": fade, "strength": 1.0})
        live.load("single.itplive", single)
        assert (mixed == live.picture(VIEWS[0], SIDE, True)).all()


def test_an_exported_page_opens_from_disk_and_turns_by_touch(
    live: LivePage, embedded: Any, tmp_path: Path
) -> None:
    """One file of at most 3 MB that asks for nothing, not even for an icon; a finger turns the head."""
    modules = {file.relative_to(WEB).as_posix(): file.read_text("utf-8") for file in WEB.rglob("*.mjs")}
    file = tmp_path / "head.html"
    file.write_text(page(data(embedded), modules, title="Head", license="Weights: terms"), encoding="utf-8")
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
