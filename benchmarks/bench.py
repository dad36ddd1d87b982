"""Your method on a set with true answers: `python -m benchmarks.bench --method FILE.py` (docs/bench.md).

FILE.py holds `stylize(generator, picture, text)`, which returns a generator, or a callable `(ws, camera) ->
pictures`. It is run by this command line tool alone, because whoever typed its name wishes so; nothing else
in the project runs a Python file. In place of FILE.py stands the name of one of ours or of a restated rival.

The set (`bench_set.json`): style pictures of drawn sitters, sentences, unseen people and views, for which
the true answer is drawn as well. One table and one sheet come out, beside all results on the same set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.bench_methods import NAMES, Method, load_method
from benchmarks.bench_set import SIZES, BenchSet
from benchmarks.bench_table import report
from benchmarks.table import Table, save_sheet, save_strip

RESULTS = Path(__file__).parent / "results" / "bench"
"""Rows and pictures of ours and of the rivals, as committed."""
OUT = Path("output") / "bench"


def measure(method: Method, bench: BenchSet, out: Path, *, fresh: bool = False) -> Table:
    """Run a method on all of the set, unless the table of just this method and set is there."""
    path = out / f"{method.name}.csv"
    if fresh:
        path.unlink(missing_ok=True)
    table = Table(path, f"{bench.version}-{method.version}")
    if len(table.rows) == len(bench.triples):
        return table
    path.unlink(missing_ok=True)
    table.rows, strips = [], []
    for number, triple in enumerate(bench.triples):
        row, pictures = bench.row(method, triple)
        strips.append(out / f".{method.name}-{number}.png")
        save_strip(pictures, strips[-1])
        table.add(triple.name, [row])
        print(f"{method.name}: {triple.name} ({row.seconds:.0f} s)", flush=True)
    save_sheet(strips, out / f"{method.name}.jpg")
    for strip in strips:
        strip.unlink()
    return table


def main(arguments: list[str] | None = None) -> int:
    """Measure one method and print it beside the others."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--method", required=True, help=f"FILE.py, or one of {', '.join(NAMES)}")
    options.add_argument("--set", choices=SIZES, default="small", help="small: minutes; full: as cited")
    options.add_argument("--triples", type=int, default=0, help="the first so many alone, for a try")
    options.add_argument("--people", type=int, default=0, help="so many people alone, for a try")
    options.add_argument("--steps", type=int, default=0, help="of ours and rivals, for a try; 0: their own")
    options.add_argument("--fresh", action="store_true", help="measure again")
    options.add_argument("--out", type=Path, default=OUT, help="folder of the table and the sheet")
    given = options.parse_args(arguments)
    method = load_method(given.method, given.steps)
    bench = BenchSet(given.set, given.triples, given.people)
    table = measure(method, bench, given.out, fresh=given.fresh)
    print(report(bench, table.path, given.out, RESULTS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
