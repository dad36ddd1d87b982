"""What the live head of a training may cost."""

from __future__ import annotations

import importlib
import itertools
from types import ModuleType

import pytest


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
