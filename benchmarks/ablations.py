"""The paper's claims in numbers: `python -m benchmarks.ablations [parts]`.

Parts: table1, directions (Fig. 8), gate (Fig. 9), views (Fig. 10), edits (Fig. 13 and 14), diversity. Every
part writes `benchmarks/results/<part>.csv` row by row and `<part>.jpg`, a sheet of pictures (`gate` also
`gate_curves.png`), and prints means with ratios against a stated baseline. A run that was cut off goes on
where it was: finished rows are in the table, weights and inversions in the cache. `--minutes` ends a run in
good time. All randomness is seeded. A small run: `--triples 1 --people 1 --steps 4 --inversion-steps 4
--tuning-steps 2 --seeds 2 --out output/ablations --cache output/ablations/cache`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.ablation.diversity import Diversity
from benchmarks.ablation.edits import TunedEdits
from benchmarks.ablation.gate import GateCurves
from benchmarks.ablation.methods import DIRECTIONS, TABLE_ONE
from benchmarks.ablation.part import Part, Sizes
from benchmarks.ablation.views import ViewGuard
from benchmarks.setting import Setting, add_amounts, read_amounts
from benchmarks.table import Table, save_sheet, save_strip

RESULTS = Path(__file__).parent / "results"
PARTS: dict[str, Part] = {
    part.name: part for part in (TABLE_ONE, DIRECTIONS, GateCurves(), ViewGuard(), TunedEdits(), Diversity())
}


def run_part(part: Part, setting: Setting, sizes: Sizes, out: Path, end: float, fresh: bool = False) -> bool:
    """Do what is missing of a part until the clock says `end`; whether the part is complete."""
    path = out / f"{part.name}.csv"
    if fresh:
        path.unlink(missing_ok=True)
    table, strips, complete = Table(path, setting.version), [], True
    for unit in part.units(setting, sizes):
        strip = setting.cache / setting.version / f"{part.name}-{unit.name.replace(' ', '_')}.png"
        strips.append(strip)
        if table.has(unit=unit.name):
            continue
        if time.monotonic() >= end:
            complete = False
            break
        start = time.monotonic()
        rows, shown = unit.make()
        if shown is not None:
            save_strip(shown, strip)
        table.add(unit.name, rows)
        print(f"{part.name}: {unit.name} ({time.monotonic() - start:.0f} s)", flush=True)
    if table.rows:
        save_sheet(strips, out / f"{part.name}.jpg")
        curves = part.plot(table.rows)
        if curves is not None:
            save_strip(curves, out / f"{part.name}_curves.png")
        print("\n".join([part.name + ("" if complete else " (not complete)"), *part.summary(table.rows)]))
    return complete


def main() -> int:
    """0 when all chosen parts are complete, 3 when `--minutes` were over before."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where left out")
    options.add_argument("--triples", type=int, default=0, help="0: each part's own number")
    options.add_argument("--seeds", type=int, default=16, help="people of the diversity part")
    options.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so long")
    options.add_argument("--fresh", action="store_true", help="begin the tables anew; the cache stays")
    options.add_argument("--out", type=Path, default=RESULTS)
    add_amounts(options)
    given = options.parse_args()
    unknown = sorted(set(given.parts) - set(PARTS))
    if unknown:
        options.error(f"there is no part {unknown[0]}; parts are {', '.join(PARTS)}")
    end = time.monotonic() + 60 * given.minutes
    setting, complete = Setting(read_amounts(given), given.cache), True
    for name in given.parts or PARTS:
        part = PARTS[name]
        sizes = Sizes(given.triples or part.triples, given.seeds)
        complete &= run_part(part, setting, sizes, given.out, end, given.fresh)
    return 0 if complete else 3


if __name__ == "__main__":
    raise SystemExit(main())
