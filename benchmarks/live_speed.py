"""How fast the live head is drawn, what it asks for and leaves behind: part of `benchmarks.live_head`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from benchmarks.live_page import LivePage

FOV = 13.37
SECONDS, RATE = 10.0, 60.0
"""Of the drag, and mouse events in one of them."""
WATCH = """() => { window.pictures = []; const { painter } = view; const { put } = painter;
    painter.put = (target, pixels) => { put.call(painter, target, pixels);
        pictures.push({ time: performance.now(), side: target.side }); }; }"""
"""Notes when each picture was brought to the canvas, and its rays of a row."""
CLOSE = "() => { view.dispose(); view.element.remove(); window.view = window.pictures = null; }"
OPENS = """async ([url, count]) => { for (let i = 0; i < count; i += 1) {
        const view = driver.open(url); await view.done;
        while (view.painter.drawn === 0) await new Promise((done) => setTimeout(done, 5));
        view.dispose(); view.element.remove(); }
    return [driver.engine.alive.contexts, driver.engine.alive.heads, driver.engine.owners.size]; }"""


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


def _leaks(live: LivePage, url: str) -> list[Speed]:
    live.page.evaluate(OPENS, [url, 10])  # tables, shaders and pools that are made once
    before = memory(live)
    contexts, heads, owners = live.page.evaluate(OPENS, [url, 50])
    after = memory(live)
    grown = {name: after[name] - before[name] for name in before}
    return [
        _speed("contexts after 50 opens and closes", float(contexts), ""),
        _speed("heads and owners after 50 opens and closes", float(heads + owners), ""),
        _speed("elements and listeners left by 50 opens and closes", grown["elements"], ""),
        _speed("growth of the page's heap and arrays by 50 opens and closes", grown["heap"], "MB"),
        _speed("growth of all the browser's processes by them", grown["processes"], "MB"),
    ]


def memory(live: LivePage) -> dict[str, float]:
    """What the page holds after a collection, and all processes of the browser, in MB."""
    live.page.evaluate("() => performance.clearResourceTimings()")  # the browser's own list of fetches
    inspector = live.page.context.new_cdp_session(live.page)
    for _ in range(3):  # what one collection frees lets the next free more
        inspector.send("HeapProfiler.collectGarbage")
        live.page.wait_for_timeout(200)
    heap, counts = inspector.send("Runtime.getHeapUsage"), inspector.send("Memory.getDOMCounters")
    inspector.detach()
    used = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
    return {
        "heap": sum(heap.get(name, 0) for name in used) / 1e6,
        "elements": float(counts["nodes"] + counts["jsEventListeners"]),
        "processes": resident(os.getpid()) / 1e6,
    }


def resident(root: int) -> float:
    """Bytes of memory of all descendants of a process, shared pages counted once; nan without /proc."""
    total = 0
    for child in _descendants(root):
        try:
            text = Path(f"/proc/{child}/smaps_rollup").read_text(encoding="utf-8")
        except OSError:
            continue
        total += sum(1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return float(total) if total else float("nan")


def processor_seconds(root: int) -> float:
    """Processor time of all descendants of a process; nan where there is no /proc."""
    used = [_fields(child) for child in _descendants(root)]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in used if fields)
    return ticks / os.sysconf("SC_CLK_TCK") if used else float("nan")


def _descendants(root: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _fields(int(folder.name)):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, open_ = [], [root]
    while open_:
        found += (below := children.get(open_.pop(), []))
        open_ += below
    return found


def _fields(process: int) -> list[str]:
    """Fields of /proc/N/stat behind the name; empty where the process has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def cost(generator: Any) -> dict[str, float]:
    """What a ray of the full shader asks for: filtered reads of four channels, FLOPs of the decoder."""
    config = generator.config
    samples = config.rendering.depth_resolution + config.rendering.depth_resolution_importance
    reads = 3 * config.plane_channels / 4
    flops = 2 * config.decoder_hidden * (config.plane_channels + 4) + 4 * config.decoder_hidden
    return {"samples": samples, "reads": samples * reads, "kFLOP": samples * flops / 1e3}
