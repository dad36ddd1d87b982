"""How fast the live head is drawn, what it asks for and leaves behind: part of `benchmarks.live_head`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.live_page import LivePage

FOV = 13.37


@dataclass(frozen=True)
class Speed:
    """One measurement of time or of what is left over."""

    what: str
    value: float
    unit: str
    load: float
    """Mean number of processes that wanted a processor in the minute before."""


def speeds(live: LivePage, data: bytes) -> list[Speed]:
    """Frames of a drag, the first picture, requests of a drag, and what is left over."""
    url = "/speed.itplive"
    live.files[url] = data
    return [*_frames(live, url), *_first(live, url), *_leaks(live, url)]


def _speed(what: str, value: float, unit: str) -> Speed:
    return Speed(what, value, unit, os.getloadavg()[0])


def _frames(live: LivePage, url: str) -> list[Speed]:
    live.page.evaluate("(url) => driver.load(url)", url)
    views = [{"yaw": 2.0 * i - 30, "pitch": 0.3 * i, "roll": 0.0, "fov": FOV} for i in range(60)]
    live.page.evaluate("(a) => driver.frames(...a)", [views[:2], 96])  # makes the grid
    before = processor_seconds(os.getpid())
    times = live.page.evaluate("(a) => driver.frames(...a)", [views, 96])
    used = processor_seconds(os.getpid()) - before
    return [
        _speed("frames a second at 96 px, median of a drag", 1000 / median(times), "1/s"),
        _speed("frames a second at 96 px, fastest tenth", 1000 / sorted(times)[len(times) // 10], "1/s"),
        _speed("frames at 96 px in a second of one core", len(views) / used, "1/s"),
    ]


def _first(live: LivePage, url: str) -> list[Speed]:
    page = live.page
    before = processor_seconds(os.getpid())
    first = page.evaluate(
        """async (url) => { const start = performance.now(); const view = window.view = driver.open(url);
            while (view.painter.drawn === 0) await new Promise((done) => setTimeout(done, 5));
            view.painter.sparing = true; return performance.now() - start; }""",
        url,
    )
    page.wait_for_function("() => view.painter.resting")
    used = processor_seconds(os.getpid()) - before
    page.evaluate("() => view.painter.spare(false)")
    page.wait_for_function("() => view.painter.resting")
    count, drawn = len(live.requests), page.evaluate("() => view.painter.drawn")
    box = page.locator(".itportrait-live .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    start = perf_counter()
    for i in range(200):
        page.mouse.move(x + 60 * math.sin(i / 8), y + 20 * math.sin(i / 13))
        page.wait_for_timeout(50)
    seconds = perf_counter() - start
    page.mouse.up()
    asked, frames = len(live.requests) - count, page.evaluate("() => view.painter.drawn") - drawn
    page.evaluate("() => { view.dispose(); view.element.remove(); }")
    return [
        _speed("first picture after the run", first, "ms"),
        _speed("first picture, processor time", 1000 * used, "ms"),
        _speed(f"pictures of a drag of {seconds:.0f} s by hand events, 20 a second", frames / seconds, "1/s"),
        _speed("requests in that drag", float(asked), ""),
    ]


def _leaks(live: LivePage, url: str) -> list[Speed]:
    script = """async (url) => { for (let i = 0; i < 50; i += 1) {
            const view = driver.open(url); await view.done;
            while (view.painter.drawn === 0) await new Promise((done) => setTimeout(done, 5));
            view.dispose(); view.element.remove(); }
        return [driver.engine.alive.contexts, driver.engine.alive.heads, driver.engine.owners.size]; }"""
    heap = "() => { gc(); return performance.memory.usedJSHeapSize / 1e6; }"
    before = live.page.evaluate(heap)
    contexts, heads, owners = live.page.evaluate(script, url)
    after = live.page.evaluate(heap)
    return [
        _speed("contexts after 50 opens and closes", float(contexts), ""),
        _speed("heads and owners after 50 opens and closes", float(heads + owners), ""),
        _speed("growth of the page's memory by 50 opens and closes", after - before, "MB"),
    ]


def processor_seconds(root: int) -> float:
    """Processor time of all descendants of a process; nan where there is no /proc."""
    children: dict[int, list[tuple[int, int]]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(
            (int(file.parent.name), int(fields[11]) + int(fields[12]))
        )
    if not children:
        return float("nan")
    ticks, open_ = 0, [root]
    while open_:
        for child, used in children.get(open_.pop(), []):
            ticks += used
            open_.append(child)
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(generator: Any) -> dict[str, float]:
    """What a ray of the full shader asks for: filtered reads of four channels, FLOPs of the decoder."""
    config = generator.config
    samples = config.rendering.depth_resolution + config.rendering.depth_resolution_importance
    reads = 3 * config.plane_channels / 4
    flops = 2 * config.decoder_hidden * (config.plane_channels + 4) + 4 * config.decoder_hidden
    return {"samples": samples, "reads": samples * reads, "kFLOP": samples * flops / 1e3}
