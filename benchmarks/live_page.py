"""A page in headless Chromium with software GL that draws live heads by the pack's own modules."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

WEB = Path(__file__).resolve().parents[1] / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--enable-precise-memory-info", "--js-flags=--expose-gc",
]  # fmt: skip
HTML = """<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
<body style="background:#202124;color:#ddd;margin:20px">
<div id="box" style="position:relative;width:340px;height:430px"></div>
<script type="module" src="/driver.mjs"></script>"""
DRIVER = Path(__file__).with_suffix(".mjs").read_text(encoding="utf-8")
KINDS = {".mjs": "text/javascript", "": "text/html"}


class LivePage:
    """The page, with files of live heads served from memory. Use it in a `with`.

    Attributes:
        page: Playwright's page.
        requests: addresses that it has asked for.
        complaints: errors of the page.
    """

    def __init__(self, width: int = 400, height: int = 480, browser: Browser | None = None) -> None:
        """`browser`: one that runs already; None starts one. Only one Playwright can run in a thread."""
        self.given = browser
        self.files: dict[str, bytes] = {}
        self.size = {"width": width, "height": height}
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def __enter__(self) -> LivePage:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self.files))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.driver = None if self.given else sync_playwright().start()
        if self.driver:
            self.browser = self.driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        else:
            self.browser = self.given
        self.page: Page = self.browser.new_page(viewport=self.size)
        self.page.set_default_timeout(600_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"http://127.0.0.1:{self.server.server_port}/")
        self.page.wait_for_function("() => window.driver")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.page.close()
        if self.driver:
            self.browser.close()
            self.driver.stop()
        self.server.shutdown()

    def load(self, name: str, data: bytes) -> None:
        """Serve a live head and let the page read it."""
        self.files[f"/{name}"] = data
        self.page.evaluate("(url) => driver.load(url)", f"/{name}")

    def raw(
        self, view: dict[str, float], side: int, mix: dict[str, float] | None = None, *, grid: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours with opacity, and normals with depth, `[side, side, 4]` each, as marched.

        Args:
            view: yaw, pitch, roll and fov in degrees.
            side: rays of a row.
            mix: fade, strength and person.
            grid: march the grid that is used while the head moves.
        """
        found = self.page.evaluate("(a) => driver.raw(...a)", [view, side, mix or {}, grid])
        colours, surfaces = (
            np.frombuffer(base64.b64decode(text), np.float32).reshape(side, side, 4) for text in found
        )
        return colours, surfaces

    def picture(self, view: dict[str, float], side: int, white: bool, **options: Any) -> np.ndarray:
        """`[side, side, 3]` in 0..1 over the generator's own background."""
        colours, _ = self.raw(view, side, **options)
        return colours[..., :3] + (1 - colours[..., 3:]) * float(white)


def chromium() -> str:
    """Chromium's program: the one in `CHROMIUM`, else the system's; empty where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")


def handler(files: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    """Serves the page, the pack's modules below /web/, and files from memory."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            text = {"/": HTML, "/driver.mjs": DRIVER}.get(path)
            file = WEB / path.removeprefix("/web/")
            inside = path.startswith("/web/") and ".." not in path and file.is_file()
            data = text.encode() if text else files.get(path) or (file.read_bytes() if inside else None)
            self.send_response(404 if data is None else 200)
            kind = KINDS.get(Path(path).suffix, "application/octet-stream")
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
