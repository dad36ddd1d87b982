"""Job sheets: a sheet is data; hostile ones are refused with line and value, and nothing is run."""

from __future__ import annotations

import json

import pytest
from farm_tools import farm, places_in, selftest_sheet

from itportrait_core.errors import ITPortraitError
from itportrait_core.farm import making
from itportrait_core.farm.job import Job, Source, Weights
from itportrait_core.farm.sheet import line_of, parse_line, parse_lines, read_sheet, write_sheet
from itportrait_core.recipes import card

SHA = "0123456789abcdef" * 4
JOB = Job(
    "coupled", Weights("g.safetensors", SHA), Source("seed", seed=3), Source("picture", "a/b c.png", SHA),
    "a hat",
    changes={"ite": {"steps": 40}}, clips=(Weights(),), views=((0.0, 0.0), (20.0, -5.0)),
)  # fmt: skip


def test_a_line_says_all_of_a_job():
    assert parse_line(line_of(JOB)) == JOB


def test_a_line_is_a_recipe_card():
    found = card.parse(line_of(JOB))
    assert found.kind == "job" and found.person == {"seed": 3, "truncation": 0.7}
    assert found.settings["text"] == "a hat" and found.weights["sha256"] == SHA


def test_equal_parts_of_lines_stand_in_memory_once():
    first, second = parse_lines([line_of(JOB), line_of(JOB)], "s")
    assert first.style is second.style and first.changes is second.changes and first.views is second.views


def changed(path: str, value: object) -> str:
    """JOB's line with one field changed; `path` has dots between names."""
    line = json.loads(line_of(JOB))
    *homes, name = path.split(".")
    place = line
    for home in homes:
        place = place[home]
    place[name] = value
    return json.dumps(line)


HOSTILE = {
    "traversal": ("settings.style", {"picture": "../../etc/passwd", "sha256": SHA}, "../../etc/passwd"),
    "absolute": ("settings.style", {"picture": "/etc/passwd", "sha256": SHA}, "/etc/passwd"),
    "drive": ("settings.style", {"picture": "C:\\x.png", "sha256": SHA}, "C:"),
    "weights outside": ("weights.file", "../g.safetensors", "../g.safetensors"),
    "pickle": ("weights.file", "g.pkl", "g.pkl"),
    "hash": ("weights.sha256", "xyz", "xyz"),
    "views": ("settings.views", [[0, 0]] * 1000, "[[0, 0]"),
    "view": ("settings.views", [[0, 1e9]], "1000000000"),
    "steps": ("settings.changes", {"ite": {"steps": 10**12}}, "1000000000000"),
    "no such setting": ("settings.changes", {"ite": {"__class__": 1}}, "__class__"),
    "settings of a wrong kind": ("settings.changes", {"ite": {"apt": 7}}, "7"),
    "no number": ("person", {"seed": "3; rm -rf"}, "rm -rf"),
    "no whole number": ("person", {"seed": 1.5}, "1.5"),
    "truth": ("person", {"seed": True}, "True"),
    "two people": ("person", {"seed": 1, "picture": "a.png"}, "picture"),
    "needs": ("needs", [1, 2], "needs"),
    "cycle": ("settings.depends", ["line 1"], "depends"),
    "text": ("settings.text", "x" * 10_000, "xxxx"),
    "text of a wrong kind": ("settings.text", {"a": 1}, "{'a': 1}"),
    "method": ("settings.method", "__import__('os')", "__import__"),
    "kind": ("kind", "picture", "picture"),
    "format": ("format", 99, "99"),
    "role": ("settings.prior", {"judge": {"file": "pocket"}}, "judge"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_fields_are_refused_with_line_and_value(name):
    path, value, shown = HOSTILE[name]
    with pytest.raises(ITPortraitError) as refused:
        list(parse_lines([line_of(JOB), "", changed(path, value)], "bad.jsonl"))
    assert "bad.jsonl, line 3" in str(refused.value) and shown in str(refused.value)


@pytest.mark.parametrize("line", ["{", "[]", "7", '"a"', "[" * 100_000, "null", '{"format": 1}', "\udcff"])
def test_what_is_no_job_is_refused(line):
    with pytest.raises(ITPortraitError, match="line 1"):
        list(parse_lines([line], "bad.jsonl"))


def test_numbers_that_are_not_finite_are_refused():
    line = line_of(JOB).replace('"truncation": 0.7', '"truncation": NaN')
    with pytest.raises(ITPortraitError, match="truncation is 'nan'"):
        parse_line(line)


def test_an_empty_sheet_is_refused(tmp_path):
    (tmp_path / "s.jsonl").write_text("\n\n")
    with pytest.raises(ITPortraitError, match="no job"):
        read_sheet(tmp_path / "s.jsonl")


def test_a_hostile_line_runs_nothing(tmp_path):
    """The whole sheet is read before the first job."""
    sheet = selftest_sheet(tmp_path, 2)
    with sheet.open("a") as file:
        file.write(changed("settings.style", {"picture": "../x.png", "sha256": SHA}))
    ran = farm("run", sheet, "--output", tmp_path / "output")
    assert ran.returncode == 1 and "line 3" in ran.stderr and "../x.png" in ran.stderr
    assert not (tmp_path / "output").exists()


def test_links_in_the_input_folder_are_the_owners_will(tmp_path):
    """As for the nodes: a name leads nowhere else, but what its owner has linked is found and planned."""
    places, drive = places_in(tmp_path), tmp_path / "drive"
    drive.mkdir()
    (drive / "a.png").write_bytes(b"x")
    try:
        (places.input / "more").symlink_to(drive)
    except OSError:
        pytest.skip("this system makes no links")
    assert places.input_file("more/a.png").read_bytes() == b"x"
    (found,) = making.sources(places.input, places, making.PICTURES)
    assert found.file == "more/a.png"
    with pytest.raises(ITPortraitError, match="no file name"):
        places.input_file("../drive/a.png")


def test_changed_weights_are_refused(tmp_path):
    places = places_in(tmp_path)
    (places.models / "g.safetensors").write_bytes(b"other")
    with pytest.raises(ITPortraitError, match="has the hash"):
        places.weights("g.safetensors", SHA, "generator")


def test_a_sheet_that_cannot_be_written_leaves_nothing(tmp_path):
    def jobs():
        yield JOB
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_sheet(tmp_path / "s.jsonl", jobs())
    assert list(tmp_path.iterdir()) == []
