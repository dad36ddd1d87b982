"""The live head of a training: its cost, and that nothing but the moments of a run can be asked for."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

RUN = "apt-0123456789abcdef"


@pytest.fixture(scope="module")
def live(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.live_training")


OTHERS = ["", "../x", "/etc", f"{RUN}/..", "apt-XYZ", "a" * 9999, f"{RUN[:-1]}\n", RUN]


@pytest.mark.parametrize("run", OTHERS)
def test_other_names_than_those_of_runs_are_refused(live: ModuleType, output: Path, run: str) -> None:
    with pytest.raises(ValueError, match=r"is no run|are gone"):
        live.keep_moment(run, 1)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 9999, '{"a": NaN}', "x" * 100, "{}", '{"base": 5}'])
def test_damaged_notes_of_a_run_are_said_to_be_gone(live: ModuleType, text: str) -> None:
    folder: Any = live.folders.temporary("runs") / RUN
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(text)
    with pytest.raises(ValueError, match="are gone"):
        live.keep_moment(RUN, 1)
    assert live.moments_of({"method": "none"}) == {}


@pytest.mark.parametrize(("step", "show"), [(0.05, 0.02), (0.4, 0.3), (2.0, 1.5)])
def test_live_heads_take_at_most_their_share_of_a_run(
    pack: ModuleType, monkeypatch: pytest.MonkeyPatch, step: float, show: float
) -> None:
    """At every moment of a run of 600 seconds, by a clock of its own; and heads do come."""
    live_training = importlib.import_module(f"{pack.__name__}.nodes.live_training")
    clock, shown = [0.0], []
    monkeypatch.setattr(live_training.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(live_training.results, "run_file", lambda facts: live_training.Path("apt-0"))

    class Slow(live_training.LiveTraining):  # type: ignore[name-defined,misc]
        def _show(self, done: int, total: int, moment: object) -> None:
            clock[0] += show
            shown.append(clock[0])

    live = Slow({}, None, {})
    while clock[0] < 600:
        clock[0] += step
        live.step(1, 2, None)
        assert show * len(shown) <= live_training.SHARE * clock[0] + show
    assert show * len(shown) <= live_training.SHARE * clock[0] + 0.1
    gaps = [after - before for before, after in itertools.pairwise(shown)]
    assert shown and min(gaps) >= live_training.SECONDS
