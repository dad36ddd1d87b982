"""Why an inversion is no better: `python -m benchmarks.inversion_causes`.

The same pictures, each time with one cause taken away: the true pose given and kept (neither twin nor pose
network can err), three times the steps (the optimiser has time), the same person as a photo (the generator
can draw it), no pose start at all. What then changes is that cause's share. Rows are written as they are
made. Writes `benchmarks/results/inversion_causes.csv` and prints ratios to the plain run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.art_portraits import ART, Sitter, sitter_of
from benchmarks.inversion import RESULTS, Bench
from benchmarks.table import Table, lines, mean
from itportrait_core.methods.configs import InversionConfig

PLAIN = "plain"
CAUSES: dict[str, Callable[[InversionConfig], InversionConfig]] = {
    PLAIN: lambda config: config,
    "true pose": lambda config: config.replace(pose_init="user", optimise_pose=False),
    "three times the steps": lambda config: config.replace(steps=3 * config.steps),
    "as a photo": lambda config: config,
    "no pose start": lambda config: config.replace(pose_init="random"),
}
"""What is taken away -> the settings of that run."""
COLUMNS = {"mse": ".5f", "lpips": ".4f", "id": ".3f", "pose_error": ".2f", "novel_lpips": ".4f"}


def people_of(cause: str, styles: list[str]) -> list[Sitter]:
    """One person of every style; for "as a photo" drawn as one, and still named after the style."""
    drawn = "photo" if cause == "as a photo" else None
    return [replace(sitter_of(style, 0, drawn), style=style) for style in styles]


def fill(bench: Bench, table: Table, styles: list[str]) -> None:
    """Make every row that the table lacks: one person of every style."""
    for cause in CAUSES:
        if table.has(cause=cause):
            continue
        people, start = people_of(cause, styles), time.process_time()
        found = bench.invert(people, CAUSES[cause](bench.inversion))
        rows = [
            {"cause": cause, "style": sitter.style, **bench.numbers(portrait, sitter)}
            for sitter, portrait in zip(people, found, strict=True)
        ]
        table.append(rows)
        print(f"{cause}: {time.process_time() - start:.0f} s CPU", flush=True)


def summary(table: Table) -> str:
    """Means, and every cause's MSE against the plain run's."""
    out = lines(table.rows, "cause", COLUMNS)
    plain = mean(table.rows, "mse", cause=PLAIN)
    out += [
        f"  MSE, {cause} / {PLAIN}: {mean(table.rows, 'mse', cause=cause) / plain:.2f}"
        for cause in CAUSES
        if cause != PLAIN
    ]
    least = mean(table.rows, "mse", cause="no pose start") / 10
    best = mean(table.rows, "mse", cause="true pose")
    out.append(f"  a tenth of the MSE without a pose start is {least:.5f}; the true pose gives {best:.5f}")
    return "\n".join(out)


def main() -> None:
    """Fill the table and say what it shows."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--styles", nargs="*", choices=ART, default=list(ART), help="default: all eight")
    options.add_argument("--steps", type=int, default=0, help="of a plain inversion; 0: the settings' own")
    options.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    bench = Bench(given.steps)
    table = Table(given.out / "inversion_causes.csv", bench.run_name())
    fill(bench, table, given.styles)
    print(summary(table))


if __name__ == "__main__":
    main()
