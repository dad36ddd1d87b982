"""Does the coupled run carry the picture's style and the text's edit? `python -m benchmarks.coupling`.

For every pair of `held_out.HELD_OUT_PAIRS`: a style picture of a person nobody trained on is inverted, then
three runs share it - coupled, and its two halves alone, image-only and text-only. Fresh people are rendered
by each result from three sides. The judge CLIP, which guides nothing, says whether style and edit are there;
LPIPS compares with the true picture of the same person, edited and in that style. The true pictures are
judged too (`truth`): the judge errs, and nobody can do better than these. Writes
`benchmarks/results/coupling.csv` and a picture sheet, and prints the totals with the ratio of LPIPS to the
better of the two single runs. A run that was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.judging import Scores
from benchmarks.people import Triple, held_out, pictures, truth
from benchmarks.setting import Setting, add_amounts, read_amounts
from benchmarks.table import Rows, Table, lines, mean, save_sheet, save_strip
from itportrait_core.pocket.held_out import HELD_OUT_PAIRS

RESULTS = Path(__file__).parent / "results"
RUNS: dict[str, Callable[[Setting, Triple], Any]] = {
    "image_only": Setting.image_only, "text_only": Setting.text_only, "coupled": Setting.coupled,
}  # fmt: skip
TRUTH = "truth"


@dataclass(frozen=True)
class Row(Scores):
    """One result of one pair."""

    style: str
    edit: str
    run: str
    """Of `RUNS`, or `TRUTH`"""


def compare_runs(setting: Setting, triple: Triple) -> tuple[list[Row], Tensor]:
    """Rows of the truth and of the three runs, and pictures [columns, 3, H, W] for the sheet.

    Columns: style picture, person, image-only, text-only, coupled from three sides, truth.
    """
    people = triple.people(setting.amounts.people)
    wanted = truth(people, triple.style, triple.text).image

    def row(run: str, shown: Tensor) -> Row:
        scores = setting.judge.scores(shown, wanted, triple.style, triple.edit)
        return Row(**asdict(scores), style=triple.style, edit=triple.edit, run=run)

    rows = [row(TRUTH, wanted)]
    strip = [triple.picture(), pictures(setting.generator, people[:1])[1:2]]
    for run, made in RUNS.items():
        shown = pictures(made(setting, triple), people)
        rows.append(row(run, shown))
        strip.append(shown[1:2] if run != "coupled" else shown[:3])
    return rows, torch.cat([*strip, wanted[1:2]])


def summary(rows: Rows) -> str:
    """Totals per run, and LPIPS of the coupled run against the better single run."""
    columns = {"text_style": ".1%", "image_style": ".1%", "content": ".4f", "lpips": ".4f"}
    single = min(mean(rows, "lpips", run=run) for run in list(RUNS)[:2])
    ratio = mean(rows, "lpips", run="coupled") / single
    return "\n".join([*lines(rows, "run", columns), f"  LPIPS of coupled / better single run: {ratio:.3f}"])


def main() -> None:
    """Run the pairs and write table and sheet."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--pairs", type=int, default=len(HELD_OUT_PAIRS), help="how many pairs, from the first"
    )
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--fresh", action="store_true", help="begin the table anew; the cache stays")
    add_amounts(options)
    given = options.parse_args()
    path = given.out / "coupling.csv"
    if given.fresh:
        path.unlink(missing_ok=True)
    setting, strips = Setting(read_amounts(given), given.cache), []
    table = Table(path, setting.version)
    for triple in held_out(given.pairs):
        strips.append(setting.cache / setting.version / f"coupling-{triple.name}.png")
        if table.has(unit=triple.name):
            continue
        rows, shown = compare_runs(setting, triple)
        save_strip(shown, strips[-1])
        table.add(triple.name, rows)
        said = ", ".join(f"{r.run} {r.text_style:.0%}/{r.image_style:.0%}" for r in rows)
        print(f"{triple.style} + {triple.edit}: {said}", flush=True)
    save_sheet(strips, given.out / "coupling.jpg")
    print(summary(table.rows))


if __name__ == "__main__":
    main()
