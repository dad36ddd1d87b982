"""How true and how fast the live head is: `python -m benchmarks.live_head`.

The browser's raw picture against the server's at the same camera, in headless Chromium with software GL:
24 views of three people of the embedded generator and of a random one of the official size (planes 256 px, 32
channels, 48 + 48 samples); PanoHead's tri-grids are refused in words. Then the frames of a drag at 96 px, the
first picture, requests, and what is left over after 50 opens and closes. Processor time counts all threads of
the browser; on a busy machine it says more than the clock.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

import itportrait_core as itp
from benchmarks.live_page import LivePage
from benchmarks.live_speed import cost, speeds
from benchmarks.live_truth import WANTED, all_views, latent, truth
from benchmarks.table import Table, mean
from itportrait_core.errors import ITPortraitError
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator
from itportrait_core.networks.panohead import PanoHeadConfig, PanoHeadGenerator

RESULTS = Path(__file__).parent / "results" / "live_head.csv"
SMALL = PanoHeadConfig(
    z_dim=8, w_dim=12, backbone_resolution=32, plane_channels=8, channel_base=256, channel_max=8
)


def full_size(seed: int) -> EG3DGenerator:
    """A random generator of the official size, its density spread so that there are surfaces, not fog."""
    generator = EG3DGenerator(EG3DConfig(), seed=seed).eval().requires_grad_(False)
    generator.decoder.net[2].weight.mul_(30.0)
    return generator


def families() -> dict[str, Any]:
    """Generators by name."""
    return {"embedded": itp.load_generator("pocket"), "official size": full_size(0)}


def refusal() -> str:
    """What is said of PanoHead, whose field is no three planes."""
    grids = PanoHeadGenerator(SMALL).eval()
    try:
        pack([Style("panohead", grids)], [Person("one", torch.zeros(1, grids.num_ws, grids.w_dim))])
    except ITPortraitError as error:
        return str(error)
    raise AssertionError("PanoHead's tri-grids were taken for planes.")


def main() -> None:
    """Measure, append to the table, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--views", type=int, default=24)
    parser.add_argument("--parts", nargs="*", choices=("truth", "speed"), default=["truth", "speed"])
    chosen = parser.parse_args()
    table, times = Table(RESULTS, "v4"), Table(RESULTS.with_name("live_head_speed.csv"), "v4")
    generators = families()
    with LivePage() as live:
        print(live.page.evaluate("() => driver.card()"))
        for family, generator in generators.items() if "truth" in chosen.parts else ():
            for person in range(1, chosen.people + 1):
                unit = f"{family} {person}"
                if not table.has(unit=unit):
                    table.add(unit, [truth(live, family, generator, person, all_views()[: chosen.views])])
        if "speed" in chosen.parts:
            embedded = generators["embedded"]
            data = pack([Style("embedded", embedded)], [Person("one", latent(embedded, 1))])
            times.add("embedded", speeds(live, data))
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
    print("PanoHead:", refusal())
    for row in times.rows:
        print(f"{row['what']:52} {row['value']:10.2f} {row['unit']} (load {row['load']})")


if __name__ == "__main__":
    with torch.no_grad():
        main()
