"""A real editor for the browser tests: Chromium, two frontends, both renderers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from harness import stand_ins
from harness.server import ComfyServer

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")

from harness.editor import Editor  # noqa: E402
from harness.frontends import VERSIONS, static  # noqa: E402
from harness.waiting import LONGEST  # noqa: E402

import itportrait_core as itp  # noqa: E402
from benchmarks.live_page import LivePage  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAIRS = [(version, renderer) for version in VERSIONS for renderer in ("classic", "nodes2")]
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--force-color-profile=srgb",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    """Chromium: the one in `CHROMIUM`, else the system's; the tests are skipped where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium found; install it or set CHROMIUM to its program")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def live(browser: playwright.Browser) -> Iterator[LivePage]:
    """A page that draws live heads, without an editor."""
    with LivePage(browser=browser) as page:
        yield page
        assert page.complaints == []


@pytest.fixture(scope="session")
def embedded() -> Any:
    """The embedded generator."""
    return itp.load_generator("pocket")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks, with which a training step takes a moment."""
    return stand_ins.write(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def servers(weights: Path) -> Iterator[Callable[[str], ComfyServer]]:
    """A server with a frontend, started when it is first asked for."""
    with ExitStack() as running:

        @cache
        def start(version: str) -> ComfyServer:
            arguments = ("--front-end-root", str(static(version)))
            server = ComfyServer(arguments=arguments, weights=weights)
            running.enter_context(server)
            _sample_picture(server.base / "input")
            return server

        yield start


@pytest.fixture(scope="session", params=PAIRS, ids="-".join)
def page_editor(
    request: pytest.FixtureRequest, servers: Callable[[str], ComfyServer], browser: playwright.Browser
) -> Iterator[Editor]:
    """One open editor for each frontend and renderer."""
    version, renderer = request.param
    server = servers(version)
    context = browser.new_context(viewport={"width": 1500, "height": 1000}, device_scale_factor=1)
    context.set_default_timeout(LONGEST * 1000)
    opened = Editor(context.new_page(), server, f"{version}-{renderer}", renderer == "nodes2")
    opened.open()
    yield opened
    opened.keep_errors()
    context.close()


@pytest.fixture
def editor(page_editor: Editor) -> Iterator[Editor]:
    """The editor with an empty graph; afterwards none of our files may have complained."""
    page_editor.complaints.clear()
    page_editor.clear()
    yield page_editor
    assert page_editor.complaints == []


def _sample_picture(folder: Path) -> None:
    """A picture to load: a plain face, so that the points have something to lie on."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (400, 480), (198, 210, 226))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((110, 90, 290, 340), fill=(232, 190, 160))
    for x in (165, 235):
        draw.ellipse((x - 11, 196, x + 11, 212), fill=(40, 50, 80))
    draw.arc((165, 250, 235, 300), 20, 160, fill=(150, 60, 60), width=6)
    picture.save(folder / "face.png")
