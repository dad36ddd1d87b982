"""Keeping a moment of a training: nothing but a run's own moments can be asked for."""

from __future__ import annotations

import importlib
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
