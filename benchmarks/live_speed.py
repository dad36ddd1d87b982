"""How fast the live head is drawn, what it asks for and leaves behind: part of `benchmarks.live_head`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import perf_counter, sleep
from typing import Any

from benchmarks.live_leaks import leaks
from benchmarks.live_page import LivePage
from benchmarks.processes import processor_seconds

FOV = 13.37
SECONDS, RATE = 10.0, 60.0
"""Of the drag, and mouse events in one of them."""
WATCH = """() => { window.pictures = []; const { painter } = view; const { put } = painter;
    painter.put = (target, pixels) => { put.call(painter, target, pixels);
        pictures.push({ time: performance.now(), side: target.side }); }; }"""
"""Notes when each picture was brought to the canvas, and its rays of a row."""
CLOSE = "() => { view.dispose(); view.element.remove(); window.view = window.pictures = null; }"


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
    rows = [*_frames(live, url), *_first(live, url)]
    return [*rows, *(_speed(*found) for found in leaks(data))]


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
    measured = _drag(live)
    page.evaluate(CLOSE)
    return [
        _speed("first picture after the run", first, "ms"),
        _speed("first picture, processor time", 1000 * used, "ms"),
        *measured,
    ]


def _drag(live: LivePage) -> list[Speed]:
    """A mouse that is held and moved for ten seconds: real input events of the browser, 60 a second where it
    takes them; where it is late the next one says where the hand is by then, as with a real mouse."""
    page, asked = live.page, len(live.requests)
    box = page.locator(".itportrait-live .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(WATCH)
    before = processor_seconds(os.getpid())
    page.mouse.move(x, y)
    page.mouse.down()
    events, start = 0, perf_counter()
    while (now := perf_counter() - start) < SECONDS:
        page.mouse.move(x + 60 * math.sin(2.5 * now), y + 20 * math.sin(1.5 * now))
        events += 1
        sleep(max(0.0, (events / RATE) - (perf_counter() - start)))
    page.mouse.up()
    used = processor_seconds(os.getpid()) - before
    pictures = page.evaluate("() => window.pictures")
    gaps = sorted(b["time"] - a["time"] for a, b in pairwise(pictures))
    return [
        _speed(f"a drag of {SECONDS:g} s by real mouse events: events", events / now, "1/s"),
        _speed("pictures of that drag", len(pictures) / now, "1/s"),
        _speed("pictures of that drag in a second of processor time", len(pictures) / used, "1/s"),
        _speed("milliseconds between its pictures, 95 of 100 below", gaps[int(0.95 * len(gaps))], "ms"),
        _speed("rays of a row of its pictures, median", median(p["side"] for p in pictures), ""),
        _speed("requests in that drag", float(len(live.requests) - asked), ""),
    ]


def cost(generator: Any) -> dict[str, float]:
    """What a ray of the full shader asks for: filtered reads of four channels, FLOPs of the decoder."""
    config = generator.config
    samples = config.rendering.depth_resolution + config.rendering.depth_resolution_importance
    reads = 3 * config.plane_channels / 4
    flops = 2 * config.decoder_hidden * (config.plane_channels + 4) + 4 * config.decoder_hidden
    return {"samples": samples, "reads": samples * reads, "kFLOP": samples * flops / 1e3}
