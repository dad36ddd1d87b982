"""How true and how fast the live head is: `python -m benchmarks.live_head`.

The browser's raw picture against the server's at the same camera, in headless Chromium with software GL:
24 views of three people of the embedded generator and of a random one with the field of the official size
(planes 256 px, 32 channels, 48 + 48 samples; its backbone is narrower, which the renderer never sees). Then
the frames of a drag at 96 px, the first picture, requests, and what is left over after 50 opens and closes.
"""

from __future__ import annotations

import argparse
import math
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import itportrait_core as itp
from benchmarks.live_page import LivePage
from benchmarks.table import Table, mean
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, SuperResolutionConfig

RESULTS = Path(__file__).parent / "results" / "live_head.csv"
FOV = 13.37
PITCHES = (-20.0, 0.0, 20.0)
YAWS = tuple(float(yaw) for yaw in range(-70, 71, 20))
SIDES = {"embedded": 64, "full-size field": 32}
"""Rays of a row: the embedded generator's own raw picture; an evenly spread part of the official 128."""
WANTED = 38.0
"""dB that every picture has to reach."""


@dataclass(frozen=True)
class Truth:
    """One person from 24 views."""

    family: str
    person: int
    views: int
    worst_db: float
    mean_db: float
    moving_worst_db: float
    """Of the grid that is marched while the head moves, against the same pictures."""
    axes_deg: float
    """Largest angle between the browser's camera axes and the server's."""
    megabytes: float


@dataclass(frozen=True)
class Speed:
    """One measurement of time or of what is left over."""

    what: str
    value: float
    unit: str
    load: float
    """Mean number of processes that wanted a processor in the minute before."""


def full_size(seed: int) -> EG3DGenerator:
    """A random generator with the official field, its density spread so that there are surfaces, not fog."""
    config = EG3DConfig(
        channel_base=2048, channel_max=32, z_dim=64, w_dim=64,
        superresolution=SuperResolutionConfig(128, (8, 8), (1, 1)),
    )  # fmt: skip
    generator = EG3DGenerator(config, seed=seed).eval().requires_grad_(False)
    generator.decoder.net[2].weight.mul_(30.0)
    return generator


def families() -> dict[str, Any]:
    """Generators by name."""
    return {"embedded": itp.load_generator("pocket"), "full-size field": full_size(0)}


def latent(generator: Any, person: int) -> torch.Tensor:
    """The latent of person 1, 2, 3."""
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(person))
    return generator.mapping(z, itp.cameras.front(), truncation_psi=0.7)


def all_views() -> list[dict[str, float]]:
    """24 cameras: eight yaws at three pitches, each rolled a little differently."""
    return [
        {"yaw": yaw, "pitch": pitch, "roll": 3.0 * (i % 3 - 1), "fov": FOV}
        for i, (pitch, yaw) in enumerate((pitch, yaw) for pitch in PITCHES for yaw in YAWS)
    ]


def label(view: dict[str, float]) -> torch.Tensor:
    """The server's camera."""
    focal = 0.5 / math.tan(math.radians(view["fov"] / 2))
    return itp.cameras.orbit(view["yaw"], view["pitch"], view["roll"], focal=focal).float()


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of pictures in 0..1."""
    return float(-10 * np.log10(max(float(np.mean((a - b) ** 2)), 1e-12)))


def axes_angle(live: LivePage, view: dict[str, float]) -> float:
    """Largest angle in degrees between the camera axes of browser and server."""
    seen = live.page.evaluate("(view) => driver.camera(view)", view)
    matrix = itp.cameras.cam2world(label(view).double())[0, :3, :3].numpy()
    cosines = [float(np.dot(seen[name], matrix[:, i])) for i, name in enumerate(("right", "down", "forward"))]
    return max(math.degrees(math.acos(min(1.0, cosine))) for cosine in cosines)


def truth(live: LivePage, family: str, generator: Any, person: int, views: list[dict[str, float]]) -> Truth:
    """Compare one person from all views."""
    ws = latent(generator, person)
    data = pack([Style(family, generator)], [Person(f"person {person}", ws)])
    live.load(f"{family.replace(' ', '-')}-{person}.itplive", data)
    side, white = SIDES[family], generator.config.rendering.white_back
    exact, moving, angles = [], [], []
    with torch.no_grad():
        planes = generator.planes(ws)
        for view in views:
            raw = generator.render(planes, ws, label(view), neural_rendering_resolution=side).image_raw[0]
            wanted = ((raw.permute(1, 2, 0) + 1) / 2).numpy()
            exact.append(decibel(live.picture(view, side, white), wanted))
            moving.append(decibel(live.picture(view, side, white, grid=True), wanted))
            angles.append(axes_angle(live, view))
    return Truth(
        family,
        person,
        len(views),
        min(exact),
        sum(exact) / len(exact),
        min(moving),
        max(angles),
        len(data) / 1e6,
    )


def speeds(live: LivePage, generator: Any) -> list[Speed]:
    """Frames of a drag, the first picture, requests of a drag, and what is left over."""
    url = "/speed.itplive"
    live.files[url] = pack([Style("embedded", generator)], [Person("one", latent(generator, 1))])
    return [*_frames(live, url), *_first(live, url), *_leaks(live, url)]


def _speed(what: str, value: float, unit: str) -> Speed:
    return Speed(what, value, unit, os.getloadavg()[0])


def _frames(live: LivePage, url: str) -> list[Speed]:
    live.page.evaluate("(url) => driver.load(url)", url)
    views = [{"yaw": 2.0 * i - 30, "pitch": 0.3 * i, "roll": 0.0, "fov": FOV} for i in range(60)]
    before = processor_seconds(os.getpid())
    times = live.page.evaluate("(a) => driver.frames(...a)", [views, 96])
    used = processor_seconds(os.getpid()) - before
    return [
        _speed("frames a second at 96 px, median of a drag", 1000 / median(times), "1/s"),
        _speed("frames a second at 96 px, fastest tenth", 1000 / sorted(times)[len(times) // 10], "1/s"),
        _speed("processor time of a frame at 96 px", 1000 * used / len(views), "ms"),
    ]


def _first(live: LivePage, url: str) -> list[Speed]:
    page = live.page
    first = page.evaluate(
        """async (url) => { const start = performance.now(); const view = window.view = driver.open(url);
            while (view.painter.drawn === 0) await new Promise((done) => setTimeout(done, 5));
            return performance.now() - start; }""",
        url,
    )
    page.wait_for_function("() => view.painter.resting")
    count = len(live.requests)
    box = page.locator(".itportrait-live .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(200):
        page.mouse.move(x + 60 * math.sin(i / 8), y + 20 * math.sin(i / 13))
        page.wait_for_timeout(50)
    page.mouse.up()
    asked = len(live.requests) - count
    page.evaluate("() => { view.dispose(); view.element.remove(); }")
    return [
        _speed("first picture after the run", first, "ms"),
        _speed("requests in 10 s of dragging", float(asked), ""),
    ]


def _leaks(live: LivePage, url: str) -> list[Speed]:
    script = """async (url) => { for (let i = 0; i < 50; i += 1) {
            const view = driver.open(url); await view.done;
            while (view.painter.drawn === 0) await new Promise((done) => setTimeout(done, 5));
            view.dispose(); view.element.remove(); }
        return [driver.engine.alive.contexts, driver.engine.alive.heads, driver.engine.owners.size]; }"""
    heap = "() => performance.memory.usedJSHeapSize / 1e6"
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


def main() -> None:
    """Measure, append to the table, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--views", type=int, default=24)
    parser.add_argument("--parts", nargs="*", choices=("truth", "speed"), default=["truth", "speed"])
    chosen = parser.parse_args()
    table, times = Table(RESULTS, "1"), Table(RESULTS.with_name("live_head_speed.csv"), "1")
    generators = families()
    with LivePage() as live:
        print(live.page.evaluate("() => driver.card()"))
        for family, generator in generators.items() if "truth" in chosen.parts else ():
            for person in range(1, chosen.people + 1):
                unit = f"{family} {person}"
                if not table.has(unit=unit):
                    table.add(unit, [truth(live, family, generator, person, all_views()[: chosen.views])])
        if "speed" in chosen.parts:
            times.add("embedded", speeds(live, generators["embedded"]))
    _say(table, times, generators)


def _say(table: Table, times: Table, generators: dict[str, Any]) -> None:
    for family, generator in generators.items():
        rows = table.where(family=family)
        if rows:
            worst, moving = (
                min(float(row[name]) for row in rows) for name in ("worst_db", "moving_worst_db")
            )
            average = mean(rows, "mean_db")
            print(f"{family:16} worst {worst:.1f} dB (wanted {WANTED:g}), mean {average:.1f}")
            print(f"{'':16} while it moves: worst {moving:.1f} dB")
        print(f"{family:16} a ray: " + ", ".join(f"{n:g} {name}" for name, n in cost(generator).items()))
    for row in times.rows:
        print(f"{row['what']:52} {row['value']:10.2f} {row['unit']} (load {row['load']})")


if __name__ == "__main__":
    with torch.no_grad():
        main()
