"""A style picture goes through few hands in the methods, under few names (docs/imports.md)."""

from __future__ import annotations

from benchmarks.follow import travel


def test_a_style_picture_crosses_fewer_than_ten_files_under_fewer_than_ten_names():
    seen = travel().seen["style picture"]
    names = {file: found for file, found in seen.items() if file.startswith("methods/")}
    assert 3 < len(names) < 10, sorted(names)
    assert "image" in names["methods/shared/portrait.py"]
    assert len(set().union(*names.values())) < 10, names
