"""Notes on shared storage that a crash has cut or mangled: they are caches, and stop nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from itportrait_core.farm.estimate import measured_seconds
from itportrait_core.farm.failures import Failures, is_parked
from itportrait_core.farm.journal import read_journals

GOOD = {"time": 1.0, "event": "done", "task": "a", "kind": "render", "seconds": 2.0}
ODD = [None, 5, "x", [], {}, float("nan"), [[]]]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("field", GOOD)
def test_odd_events_are_passed_over(tmp_path: Path, field: str, value: object) -> None:
    lines = [
        json.dumps(GOOD),
        json.dumps({**GOOD, field: value}),
        "[" * 100_000,
        '{"time": 1',
        json.dumps(value),
    ]
    (tmp_path / "one.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "two.jsonl").mkdir()
    assert measured_seconds(read_journals(tmp_path))["render"] in (2.0, 3.5)  # 5 is a number of seconds


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("field", ["failures", "deaths"])
def test_odd_records_count_as_none(tmp_path: Path, field: str, value: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps({field: value, "error": "x"}), encoding="utf-8")
    records = Failures(tmp_path)
    assert is_parked(records.of("a")) is (value == 5 and field == "failures")
    records.failed("a", "a", ValueError("again"))
    assert records.of("a")["error"] == "a: again"
