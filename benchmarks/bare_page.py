"""A page in headless Chromium that nobody watches: for measurements of memory.

Playwright has the inspector follow the network (`Network.enable` of the DevTools Protocol), which keeps what
was fetched. Here the inspector is asked for nothing but what a call asks for.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import websocket

from benchmarks.live_page import FLAGS, chromium, handler

PATIENCE = 900.0
"""Seconds that the page may be silent."""


class BarePage:
    """The page of `live_page`, with files of live heads served from memory. Use it in a `with`."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def __enter__(self) -> BarePage:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self.files))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ["--headless", "--incognito", "--no-first-run", "--remote-debugging-port=0", *FLAGS]
        options += ["--remote-allow-origins=*", f"--user-data-dir={self.profile.name}"]
        address = f"http://127.0.0.1:{self.server.server_port}/"
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.browser = subprocess.Popen([chromium(), *options, address], **silent)
        self.socket = websocket.create_connection(self._place(address), timeout=PATIENCE)
        self.asked = 0
        while not self.js("Boolean(window.driver)"):
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.browser.terminate()
        self.browser.wait()
        self.server.shutdown()
        self.profile.cleanup()

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a call of the Chrome DevTools Protocol."""
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.asked:
                return dict(answer["result"])

    def js(self, expression: str) -> Any:
        """The value of an expression in the page, awaited.

        Raises:
            RuntimeError: with the page's words, where it throws.
        """
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def _place(self, address: str) -> str:
        """Where the page listens, once the browser has opened it."""
        told, end = Path(self.profile.name, "DevToolsActivePort"), time.monotonic() + PATIENCE
        while time.monotonic() < end and self.browser.poll() is None:
            time.sleep(0.1)
            if not told.is_file() or not (lines := told.read_text().splitlines()):
                continue
            with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                for page in json.load(answer):
                    if page["url"] == address:
                        return str(page["webSocketDebuggerUrl"])
        raise RuntimeError(f"{chromium()} opened no page; set CHROMIUM to another program.")
