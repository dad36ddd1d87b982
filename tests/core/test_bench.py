"""The truth bench: any method's file runs, is judged by what it was given, and stands beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks import bench, bench_methods, bench_set
from benchmarks.bench_methods import NAMES, OURS, check_pictures, load_method
from benchmarks.bench_set import SET, SIZES, BenchSet
from benchmarks.bench_table import lines, measured
from benchmarks.methods import restated
from benchmarks.people import TEXTS, Triple
from benchmarks.table import read_rows
from itportrait_core.errors import ITPortraitError
from itportrait_core.pocket.held_out import HELD_OUT_PAIRS

OWN = '''
"""A method that darkens everybody, without a generator of its own."""
TASK = "picture"
def stylize(generator, picture, text):
    assert picture.shape == (1, 3, 128, 128) and text.startswith("a person")
    for weight in generator.parameters():
        weight.requires_grad_(False)
    generator.decoder.net[0].bias += 0.0  # the copy may be changed
    return lambda ws, camera: generator.synthesis(ws, camera).image[..., ::2, ::2] * 0.5 - 0.5
'''


@pytest.fixture(scope="module")
def small() -> BenchSet:
    """One triple and one person of the fixed set."""
    return BenchSet("small", triples=1, people=1)


def write(folder: Path, text: str, name: str = "own.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_file_is_measured_beside_the_others(tmp_path, small, monkeypatch, capsys):
    """By the command line: identity, then a callable of one's own; table and sheet show both."""
    monkeypatch.setattr(bench, "BenchSet", lambda *_: small)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "committed")
    identity = str(bench_methods.FOLDER / "identity.py")
    assert bench.main(["--method", identity, "--out", str(tmp_path / "committed")]) == 0
    assert bench.main(["--method", write(tmp_path, OWN), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "| identity | both |" in out and "| own | picture |" in out
    assert (tmp_path / "out" / "table.md").read_text(encoding="utf-8").strip() in out
    with Image.open(tmp_path / "out" / "sheet.jpg") as sheet:
        assert sheet.size == (128 * (4 + 2 + 2), 14 + 128)
        dark, same = (sheet.crop((x, 14, x + 128, 142)).resize((1, 1)).getpixel((0, 0)) for x in (512, 768))
    assert sum(dark) < 0.7 * sum(same), "the method that was asked for comes first"
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".csv", ".jpg", ".md"}
    (row,) = read_rows(tmp_path / "committed" / "identity.csv")
    assert row["share"] == 1.0 and row["text_style"] == 0.0
    (own,) = read_rows(tmp_path / "out" / "own.csv")
    assert own["text_style"] != own["text_style"] and own["lpips"] > 0, "nan: nobody asked for the text"
    before = (tmp_path / "out" / "own.csv").stat().st_mtime_ns
    bench.main(["--method", str(tmp_path / "own.py"), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "own.csv").stat().st_mtime_ns == before, "measured once"
    write(tmp_path, OWN + "\n")
    bench.main(["--method", str(tmp_path / "own.py"), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "own.csv").stat().st_mtime_ns > before, "a changed file is measured again"


def test_rows_of_another_set_stand_in_no_table(tmp_path, small):
    method = load_method("identity")
    bench.measure(method, small, tmp_path)
    assert (
        list(measured(small, tmp_path)) == ["identity"] and len(lines(small, measured(small, tmp_path))) == 3
    )
    text = (tmp_path / "identity.csv").read_text(encoding="utf-8")
    (tmp_path / "identity.csv").write_text(text.replace(small.version, "small-other"), encoding="utf-8")
    assert measured(small, tmp_path) == {}


@pytest.mark.parametrize("name", ["apt", "stylegan_nada", "toonify"])
def test_ours_and_the_rivals_run_on_it(name, small, tmp_path):
    """One step each: a picture alone, a text alone, and a blend of a style."""
    row, pictures = small.row(load_method(name, steps=1), small.triples[0])
    assert (row.method, row.task) == (name, "text" if name == "stylegan_nada" else "picture")
    assert pictures.shape == (2, 3, 128, 128) and row.lpips > 0 and row.seconds > 0


def test_the_truth_shows_what_the_method_was_asked_for(small):
    triple, people = small.triples[0], small.triples[0].people(1)
    both, picture, text = (small.truth(task, triple, people).image for task in bench_methods.TASKS)
    assert not torch.equal(both, picture) and not torch.equal(both, text) and not torch.equal(picture, text)


def test_the_set_is_fixed_and_holds_what_no_training_saw():
    """Every pair of style and edit is a held-out one, no latent stands twice, small is a part of full."""
    assert SIZES == ("small", "full") and SET["name"] == "truth-bench-1"
    small, full = (SET["sizes"][size]["triples"] for size in SIZES)
    assert all(one in full for one in small) and len({one["seed"] for one in full}) == len(full) == 12
    for one in full:
        triple = Triple(**one)
        assert (triple.style, triple.edit) in HELD_OUT_PAIRS and triple.edit in TEXTS


def test_rivals_are_scaled_to_a_small_generator_as_ours_are():
    """120 APT steps of 400 at twice the step size, and every rival can be chosen by name."""
    config = restated.scaled("jojogan", bench_methods.restated.itp.APTConfig)
    assert (config.steps, config.lr, config.layers) == (90, 0.004, tuple(range(7, 14)))
    text = restated.scaled("clipstyler", bench_methods.restated.itp.ITEConfig)
    assert (text.steps, text.mode, text.patch, text.templates) == (60, "text_only", 18.0, False)
    assert set(restated.settings("toonify")) == {"apt", "blend"}
    assert (*OURS, *restated.NAMES) == NAMES and len({load_method(name).version for name in NAMES}) == len(
        NAMES
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a function stylize"),
        ("TASK = 'video'\ndef stylize(g, p, t): return g", "one of both, picture, text"),
        ("stylize = 5", "needs a function stylize"),
    ],
)
def test_a_file_that_is_no_method_is_refused_in_words(text, message, tmp_path):
    with pytest.raises(ITPortraitError, match=message):
        load_method(write(tmp_path, text))


def test_a_missing_file_is_refused_with_the_names_that_exist(tmp_path):
    for source in (str(tmp_path / "none.py"), "jojo", str(tmp_path)):
        with pytest.raises(ITPortraitError, match=r"give a FILE\.py that exists, or identity, apt"):
            load_method(source)


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (None, "drew NoneType"),
        (torch.zeros(3, 8, 8), r"drew \(3, 8, 8\)"),
        (torch.full((1, 3, 8, 8), float("nan")), "not finite"),
        (torch.zeros(1, 3, 8, 16), "must be square"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(drawn, message):
    with pytest.raises(ITPortraitError, match=message):
        check_pictures(drawn, 128)
    assert bench_set.SEED == 1
