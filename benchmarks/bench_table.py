"""The table and the sheet of the truth bench: all methods that were measured on one set."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.bench_set import BenchSet
from benchmarks.table import Rows, mean, read_rows, save_sheet, save_strip

COLUMNS = {
    "image_style": ("style seen", ".0%"), "text_style": ("text seen", ".0%"), "content": ("content", ".3f"),
    "lpips": ("LPIPS", ".3f"), "share": ("of untrained", ".2f"), "seconds": ("seconds", ".0f"),
}  # fmt: skip
"""Column of the rows -> its title and format."""
HEADER = 14
"""Pixels above the sheet's columns."""
SIDE = 128


def measured(bench: BenchSet, *folders: Path) -> dict[str, tuple[Rows, Path]]:
    """Method -> its rows on this very set, and its pictures. Earlier folders win."""
    out: dict[str, tuple[Rows, Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            rows = read_rows(path)
            if rows and all(str(row["version"]).startswith(bench.version) for row in rows):
                out.setdefault(path.stem, (rows, path.with_suffix(".jpg")))
    return out


def lines(bench: BenchSet, methods: dict[str, tuple[Rows, Path]]) -> list[str]:
    """The table as Markdown, methods of one task together, the nearest to the truth first."""
    heads = [title for title, _ in COLUMNS.values()]
    text = [f"| {bench.version} | task | {' | '.join(heads)} |", "| --- " * (len(heads) + 2) + "|"]
    tables = [rows for rows, _ in methods.values()]
    for rows in sorted(tables, key=lambda rows: (str(rows[0]["task"]), mean(rows, "share"))):
        cells = [_cell(mean(rows, name), style) for name, (_, style) in COLUMNS.items()]
        text.append(f"| {rows[0]['method']} | {rows[0]['task']} | {' | '.join(cells)} |")
    return text


def _cell(value: float, style: str) -> str:
    return "-" if value != value else format(value, style)  # nan: the task does not ask for it


def report(bench: BenchSet, own: Path, out: Path, results: Path) -> str:
    """Write `table.md` and `sheet.jpg` into `out`, and give the table back as text.

    Args:
        own: table of the method that was just measured; it comes first on the sheet.
        results: folder of the results that are committed.
    """
    methods = measured(bench, out, results)
    text = "\n".join(lines(bench, methods))
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    names = sorted(methods, key=lambda name: name != own.stem)
    save_reference(bench, out / ".reference.png")
    parts = [(("style", "before", "truth", ""), out / ".reference.png")]
    parts += [((name, ""), methods[name][1]) for name in names if methods[name][1].is_file()]
    join_columns(parts, out / "sheet.jpg")
    (out / ".reference.png").unlink()
    return f"{text}\n{out / 'table.md'}, {out / 'sheet.jpg'}"


def save_reference(bench: BenchSet, path: Path) -> None:
    """Style picture, person before and truth of every triple, one below the other."""
    strips = [path.with_name(f".reference-{number}.png") for number in range(len(bench.triples))]
    for triple, strip in zip(bench.triples, strips, strict=True):
        save_strip(bench.reference(triple), strip)
    save_sheet(strips, path)
    for strip in strips:
        strip.unlink()


def join_columns(parts: list[tuple[tuple[str, ...], Path]], path: Path) -> None:
    """Pictures side by side under their titles, one title per `SIDE` pixels."""
    images = [Image.open(file).convert("RGB") for _, file in parts]
    size = (sum(one.width for one in images), HEADER + max(one.height for one in images))
    sheet = Image.new("RGB", size, "white")
    pen, left = ImageDraw.Draw(sheet), 0
    for image, (titles, _) in zip(images, parts, strict=True):
        sheet.paste(image, (left, HEADER))
        for column, title in enumerate(titles):
            pen.text((left + SIDE * column + 2, 1), title, fill="black")
        left += image.width
    sheet.save(path, quality=90)
