"""A graphics card that is too small: what the user reads, and that other errors pass as they are."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def runtime(pack: ModuleType) -> ModuleType:
    """`nodes/runtime.py`."""
    return importlib.import_module(f"{pack.__name__}.nodes.runtime")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_a_card_that_is_too_small_is_told_with_settings_that_need_less(
    runtime: ModuleType, pack: ModuleType, error: RuntimeError
) -> None:
    errors = importlib.import_module(f"{pack.__name__}.itportrait_core.errors")
    with pytest.raises(errors.ITPortraitError, match="ran out of memory") as caught, runtime.training():
        raise error
    assert caught.value.__cause__ is error


def test_the_settings_that_the_message_names_are_accepted(runtime: ModuleType, pack: ModuleType) -> None:
    settings = importlib.import_module(f"{pack.__name__}.nodes.settings")
    message = runtime.SHORT_OF_MEMORY
    changes = message[message.index("{") : message.rindex("}") + 1]
    made = settings.MethodSettings.execute("paper", changes).args[0].configs
    assert all(made[name].ray_chunk == 4096 for name in json.loads(changes))
    assert made["ite"].apt == made["apt"], "the picture's steps of a coupled run are changed too"


def test_changes_within_changes_begin_from_both(runtime: ModuleType, pack: ModuleType) -> None:
    """The preset, then what is said of `apt`, then what is said of a coupled run's own."""
    settings = importlib.import_module(f"{pack.__name__}.nodes.settings")
    changes = {"apt": {"l2": 0.25}, "ite": {"apt": {"beta": 0.15}}}
    made = settings.MethodSettings.execute("released", json.dumps(changes)).args[0].configs
    assert made["ite"].apt == made["apt"].replace(beta=0.15) != made["apt"]


def test_other_errors_pass_as_they_are(runtime: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="shape"), runtime.training():
        raise RuntimeError("shape mismatch")
