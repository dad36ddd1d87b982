"""'Stop now and keep': what a training hears, and what it leaves behind."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def parts(pack: ModuleType) -> tuple[ModuleType, ModuleType, type[Exception], type]:
    """`nodes/runtime.py`, `nodes/stopping.py`, and the core's `KeepBest` and `StepInfo`."""
    names = ("nodes.runtime", "nodes.stopping", "itportrait_core.methods.shared.run")
    comfy, stopping, run = (importlib.import_module(f"{pack.__name__}.{name}") for name in names)
    return comfy, stopping, run.KeepBest, run.StepInfo


def test_a_request_stops_the_next_step_once(parts) -> None:
    comfy, stopping, keep_best, step_info = parts
    progress, info = comfy.Progress(), step_info({}, preview=None)
    with comfy.training():
        assert progress.step(0, 9, info) is None and progress.stopped_at == 0
        assert stopping.ask()
        assert progress.step(1, 9, info) is keep_best
        assert progress.stopped_at == 2
        assert progress.step(2, 9, info) is None


def test_a_request_without_a_training_is_dropped(parts) -> None:
    """It stops neither the next training nor one after a training that ended before it could answer."""
    comfy, stopping, _, step_info = parts
    info = step_info({}, preview=None)
    assert not stopping.ask()
    with comfy.training():
        assert comfy.Progress().step(0, 9, info) is None
        assert stopping.ask()
    assert not stopping.ask()
    with comfy.training():
        assert comfy.Progress().step(0, 9, info) is None


def test_a_request_in_the_last_step_leaves_a_whole_run(parts) -> None:
    comfy, stopping, _, step_info = parts
    progress = comfy.Progress()
    with comfy.training():
        stopping.ask()
        assert progress.step(8, 9, step_info({}, preview=None)) is None
    assert progress.stopped_at == 0
