"""A stranger's path, as screenshots: `python tests/web/first_contact.py [frontend version]`.

The registry's archive is unpacked beside a fresh server; somebody who never used it opens the page, chooses
the template Start here, presses Run, waits, and turns the head. Screenshots go to .cache/first-contact;
clicks and seconds are printed, with the most that they should be on two cores that do nothing else. On a busy
machine the processor time of the server, printed beside them, is the fairer number.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import environment, pack

if TYPE_CHECKING:
    from harness.server import ComfyServer

TEMPLATE = "Start here"
MOST = {
    "clicks": 4,
    "seconds until something moves": 10.0,
    "seconds until a head in her style": 120.0,
    "seconds until the run is over": 120.0,
}
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SHOTS = environment.ROOT / ".cache" / "first-contact"
LIVE = "() => app.graph._nodes.find((node) => node.type === 'ITportrait_LiveHead')"
PLACE = f"""() => {{
    const box = ({LIVE})().widgets.find((widget) => widget.name === "view").element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height * 0.35]; }}"""
"""A point on the head."""
EMPTY = f"""() => ({LIVE})().widgets.find((widget) => widget.name === "view")
    .element.shadowRoot.querySelector(".over").textContent"""
"""What the view says; it says something else as soon as it has a head to show."""
CHANGED = 0.002
"""Share of pixels that differ where something has moved."""
PATIENCE = 1800.0


class Stranger:
    """Clicks what can be seen, and counts it."""

    def __init__(self, page: object) -> None:
        self.page, self.clicks, self.shots = page, 0, 0

    def click(self, *choices: object) -> None:
        """Click the first of the choices that can be seen."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for choice in choices:
                if choice.count() and choice.first.is_visible():
                    choice.first.click()
                    self.clicks += 1
                    return
            self.page.wait_for_timeout(300)
        raise SystemExit(f"nothing to click; see {self.shoot('lost')}")

    def shoot(self, what: str) -> Path:
        """Keep what is seen now."""
        self.shots += 1
        file = SHOTS / f"{self.shots:02d}-{what}.png"
        self.page.screenshot(path=file)
        return file


def main() -> int:
    """0 when the path led to a head that turns, within the numbers."""
    environment.enter("tests/requirements.txt")
    from harness.frontends import OLDEST, static
    from harness.server import ComfyServer
    from playwright.sync_api import sync_playwright

    version = sys.argv[1] if len(sys.argv) > 1 else OLDEST
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pack.unpack_archive(Path(folder))
        arguments = ("--front-end-root", str(static(version)))
        with ComfyServer(base=Path(folder), arguments=arguments) as server, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page(viewport={"width": 1500, "height": 1000})
            page.set_default_timeout(300_000)
            found = walk(page, server)
            browser.close()
    for name, most in MOST.items():
        print(f"{name}: {found[name]:g} (at most {most:g})")
    print(f"screenshots in {SHOTS}")
    return int(any(found[name] > most for name, most in MOST.items()))


def walk(page: object, server: ComfyServer) -> dict[str, float]:
    """From the address to a head that turns."""
    person, done = Stranger(page), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard(frame, done)))
    page.goto(server.url)
    # a first visit opens the templates by itself
    page.get_by_text("Templates", exact=False).first.wait_for()
    page.wait_for_timeout(3000)
    person.shoot("opened")
    category = page.get_by_text(pack.NAME, exact=True)
    if not (category.count() and category.first.is_visible()):
        person.click(page.get_by_role("button", name="Templates"))
    person.click(category)
    card = page.get_by_text(TEMPLATE, exact=True)
    card.first.wait_for()
    page.wait_for_timeout(2000)
    person.shoot("templates")
    person.click(card)
    page.wait_for_function(f"() => window.app?.graph && ({LIVE})()")
    page.wait_for_timeout(3000)
    still = person.shoot("chosen")
    person.click(page.get_by_test_id("queue-button"), page.get_by_role("button", name="Run", exact=True))
    moved, styled, took = watch(person, server, done, still)
    if done[:1] != ["execution_success"]:
        raise SystemExit(f"the run ended with {done}; see {person.shoot('failed')}")
    page.wait_for_timeout(5000)
    head = person.shoot("head")
    x, y = page.evaluate(PLACE)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 90, y, steps=6)
    page.mouse.up()
    page.wait_for_timeout(3000)
    share = difference(head, person.shoot("turned"))
    print(f"turning the head changed {100 * share:.1f} % of the screen")
    return dict(zip(MOST, (person.clicks, moved or took, styled or took, took), strict=True))


def watch(person: Stranger, server: ComfyServer, done: list[str], still: Path) -> tuple[float, float, float]:
    """Seconds from Run until the screen differs from `still`, a head is there, and the run has ended."""
    empty, before = person.page.evaluate(EMPTY), processor_seconds(server)
    start, moved, styled, last = time.monotonic(), 0.0, 0.0, 0.0

    def tell(what: str, now: float) -> None:
        spent = processor_seconds(server) - before
        print(f"{what} after {now:.1f} s, {spent:.1f} s of processor time", flush=True)

    while not done and time.monotonic() - start < PATIENCE:
        person.page.wait_for_timeout(1000)
        now = time.monotonic() - start
        if not styled and person.page.evaluate(EMPTY) != empty:
            styled = now
            tell(f"a head in her style ({person.shoot('styled').name})", now)
        if not moved or now - last > 20:
            last, shot = now, person.shoot("running")
            if not moved and difference(still, shot) > CHANGED:
                moved = now
                tell(f"something moved ({shot.name})", now)
    took = time.monotonic() - start
    tell("the run was over", took)
    return moved, styled, took


def processor_seconds(server: ComfyServer) -> float:
    """Seconds that the server's threads have computed, all together."""
    import psutil

    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def heard(frame: str | bytes, done: list[str]) -> None:
    """Note how a run ended."""
    if isinstance(frame, str):
        kind = json.loads(frame).get("type", "")
        if kind in ("execution_success", "execution_error", "execution_interrupted"):
            done.append(kind)


def difference(one: Path, other: Path) -> float:
    """Share of the pixels that differ between two screenshots."""
    import numpy as np
    from PIL import Image

    first, second = (np.asarray(Image.open(file).convert("L"), dtype=int) for file in (one, other))
    return float((np.abs(first - second) > 12).mean())


if __name__ == "__main__":
    raise SystemExit(main())
