"""What a saved style loses: `python -m benchmarks.style_files`.

Styles of the held-out pairs (the picture alone, and picture and text) are saved as differences to their base:
as 16-bit numbers, and compressed to the share of bytes that 10 MB are of a full-size generator's weights.
PSNR compares pictures of the file's generator with those of the style itself; the baseline is what the style
changes, the base's pictures against the style's. Writes `benchmarks/results/style_files.csv`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kornia.metrics import psnr
from torch import nn

import itportrait_core as itp
from benchmarks.people import held_out, pictures
from benchmarks.setting import Setting, add_amounts, read_amounts
from benchmarks.table import Table, lines
from itportrait_core.networks.families import family_of

RESULTS = Path(__file__).parent / "results"
FULL_SIZE_MB, LIMIT_MB = 119.4, 10.0
"""What training may change of a full-size EG3D, as float32, and what a compressed file of it may take, MB."""
GOAL = 40.0


@dataclass(frozen=True)
class FileRow:
    """One style in one kind of file."""

    style: str
    run: str
    kind: str
    kilobytes: float
    psnr: float
    baseline: float


def rows_of(setting: Setting, style: nn.Module, name: str, run: str, people: int) -> list[FileRow]:
    """Both kinds of file of one style."""
    faces = held_out(1)[0].people(people)
    shown = [pictures(g, faces) for g in (style, setting.generator)]
    part_of = family_of(setting.generator).names.part_of
    trained = sum(4 * p.numel() for n, p in setting.generator.named_parameters() if part_of(n))
    budgets = {"16 bit": 0.0, "compressed": trained / 2**20 * LIMIT_MB / FULL_SIZE_MB}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, budget in budgets.items():
            path = Path(folder, "style.safetensors")
            file = itp.save_style(style, setting.generator, path, budget_mb=budget)
            again = pictures(itp.load_style(file, setting.generator), faces)
            found = [float(psnr(one, shown[0], 2.0)) for one in (again, shown[1])]
            rows.append(FileRow(name, run, kind, file.stat().st_size / 1000, *found))
    return rows


def main() -> None:
    """Save and compare."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=8, help="how many pairs, from the first")
    options.add_argument("--out", type=Path, default=RESULTS)
    add_amounts(options)
    given = options.parse_args()
    setting = Setting(read_amounts(given), given.cache)
    table = Table(given.out / "style_files.csv", setting.version)
    for triple in held_out(given.pairs):
        if not table.has(unit=triple.name):
            runs = {"image_only": setting.image_only(triple), "coupled": setting.coupled(triple)}
            found = [rows_of(setting, made, triple.style, run, 2) for run, made in runs.items()]
            table.add(triple.name, [row for rows in found for row in rows])
    print("\n".join(lines(table.rows, "kind", {"kilobytes": ".0f", "psnr": ".1f", "baseline": ".1f"})))
    worst = min(float(row["psnr"]) for row in table.rows)
    print(f"  worst PSNR / goal of {GOAL:.0f} dB = {worst / GOAL:.2f}")


if __name__ == "__main__":
    main()
