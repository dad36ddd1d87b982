"""Steps against quality of inversions: `python -m benchmarks.inversion_curve`.

The plain schedule (the published settings: mean latent, step sizes and ramps, noise, full resolution) is run
to its 500 steps and to shorter ends, ours beside it, on the same pictures with the same first pose. Every
point is a run of its own, because a schedule that is cut short is not a short schedule. Rows are written as
they are made. Writes `benchmarks/results/inversion_curve.csv` and a plot, and prints at how many steps ours
reaches what the plain schedule reaches at its end.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from benchmarks.art_portraits import ART, sitters
from benchmarks.inversion import RESULTS, WORK, Bench
from benchmarks.table import Table, mean
from itportrait_core.methods.configs import InversionConfig

LENGTHS = {"ours": (250, 100, 60, 30, 15), "finer": (250, 100), "plain": (500, 250, 120, 60)}
"""Schedule -> numbers of steps. The finer one takes half of its steps at full resolution, not a quarter."""
JUDGED = ("lpips", "mse", "novel_lpips")
COLORS = {"plain": "#c9512d", "ours": "#2f6fb3", "finer": "#3a9a5b"}
WIDTH, HEIGHT, MARGIN = 360, 260, 44
"""Of a panel of the plot, pixels."""


def settings(bench: Bench, schedule: str, steps: int) -> InversionConfig:
    """Of a schedule at a number of steps; `plain` is what PTI, SPI and EG3D-projector share."""
    if schedule == "plain":
        samples = bench.inversion.start_samples
        return InversionConfig(steps=steps, pose_preheat=steps // 10, stop_window=0, start_samples=samples)
    share = 0.5 if schedule == "finer" else bench.inversion.coarse_share
    return bench.inversion.replace(steps=steps, coarse_share=share)


def fill(bench: Bench, table: Table, count: int, scale: float, work: Path) -> None:
    """Make every row that the table lacks: `count` pictures, one of each of the first styles."""
    people = [sitters(style, 1)[0] for style in ART[:count]]
    work.mkdir(parents=True, exist_ok=True)
    for schedule, lengths in LENGTHS.items():
        for steps in (max(1, round(scale * length)) for length in lengths):
            missing = [p for p in people if not table.has(schedule=schedule, steps=steps, style=p.style)]
            if not missing:
                continue
            point = work / f"{table.version}-{schedule}-{steps}.resume.safetensors"
            start = time.process_time()
            found = bench.invert(missing, settings(bench, schedule, steps), point)
            spent = (time.process_time() - start) / len(missing)
            rows = [
                {"schedule": schedule, "steps": steps, "style": sitter.style,
                 **bench.numbers(portrait, sitter), "cpu_seconds": spent}
                for sitter, portrait in zip(missing, found, strict=True)
            ]  # fmt: skip
            table.append(rows)
            said = ", ".join(f"{name} {mean(rows, name):.4f}" for name in JUDGED)
            print(f"{schedule} {steps}: {said}, {spent:.0f} s CPU each", flush=True)


def curve(table: Table, schedule: str, column: str) -> list[tuple[int, float]]:
    """(steps, mean of a column), by steps."""
    lengths = sorted({int(row["steps"]) for row in table.where(schedule=schedule)})
    return [(n, mean(table.where(schedule=schedule, steps=n), column)) for n in lengths]


def summary(table: Table) -> str:
    """For every judged column: the fewest of our steps that are as good as the plain schedule's last."""
    said = []
    for column in JUDGED:
        steps, goal = curve(table, "plain", column)[-1]
        for schedule in (name for name in LENGTHS if name != "plain"):
            enough = [n for n, value in curve(table, schedule, column) if value <= goal]
            found = f"{min(enough)} steps, {min(enough) / steps:.0%} of them" if enough else "never reached"
            said.append(f"{column} {goal:.4f} of {steps} plain steps: {schedule} {found} (goal 50 %)")
    return "\n".join(said)


def plot(table: Table, path: Path) -> None:
    """One panel per judged column, from 0 up; steps on a logarithmic axis."""
    picture = Image.new("RGB", (WIDTH * len(JUDGED), HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    for panel, column in enumerate(JUDGED):
        _plot_panel(
            pen, panel * WIDTH + MARGIN, column, {name: curve(table, name, column) for name in COLORS}
        )
    picture.save(path)


def _plot_panel(
    pen: ImageDraw.ImageDraw, left: int, column: str, curves: dict[str, list[tuple[int, float]]]
) -> None:
    points = [point for values in curves.values() for point in values]
    top = 1.05 * max(value for _, value in points)
    low, high = (math.log2(end(n for n, _ in points)) for end in (min, max))
    floor, right = HEIGHT - MARGIN, left + WIDTH - 1.5 * MARGIN
    pen.line([(left, MARGIN), (left, floor), (right, floor)], fill="#333333")
    pen.text((left, 12), f"{column} (0 to {top:.3f}) by steps", fill="#333333")
    for row, (name, values) in enumerate(curves.items()):
        spots = [
            (left + (math.log2(n) - low) / max(high - low, 1) * (right - left),
             floor - value / top * (floor - MARGIN))
            for n, value in values
        ]  # fmt: skip
        pen.line(spots, fill=COLORS[name], width=2)
        for (n, _), (x, y) in zip(values, spots, strict=True):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=COLORS[name])
            pen.text((x - 8, floor + 4 + 14 * row), str(n), fill=COLORS[name])
        pen.text((left + 110 + 60 * row, 26), name, fill=COLORS[name])


def main() -> None:
    """Fill the table and say what it shows."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--people", type=int, default=4, help="pictures, each of another style")
    options.add_argument("--scale", type=float, default=1.0, help="factor on all numbers of steps")
    options.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--work", type=Path, default=WORK, help="folder of unfinished runs")
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    bench = Bench()
    table = Table(given.out / "inversion_curve.csv", bench.run_name())
    fill(bench, table, given.people, given.scale, given.work)
    plot(table, given.out / "inversion_curve.png")
    print(summary(table))


if __name__ == "__main__":
    main()
