"""Refactoring changes no result: the runs of `same_results.py` give what they gave when they were stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

from tests.core import same_results

STORED = json.loads(same_results.FILE.read_text(encoding="utf-8"))

NEAR, NEAR_ELSEWHERE = {"rel": 2e-3, "abs": 2e-4}, {"rel": 2e-2, "abs": 1e-2}
"""On the kind of processor that stored them, and on others, where last bits grow to a percent."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are in another order with another number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def made_again(name: str) -> dict[str, Any]:
    return same_results.RUNS[name]()


@pytest.mark.parametrize("name", same_results.RUNS)
def test_losses_of_every_step_are_the_same(name):
    """Every loss that was recorded then is recorded now, in the same step and stage, with the same value."""
    stored, steps = STORED["runs"][name]["steps"], made_again(name)["steps"]
    near = NEAR if same_results.arithmetic() == STORED["arithmetic"] else NEAR_ELSEWHERE
    assert [step["stage"] for step in steps] == [step["stage"] for step in stored]
    for number, (old, new) in enumerate(zip(stored, steps, strict=True)):
        for kind in ("losses", "gate", "delta"):
            found = {key: new[kind].get(key) for key in old[kind]}
            assert found == pytest.approx(old[kind], **near), f"step {number}, {kind}"


@pytest.mark.parametrize("name", same_results.RUNS)
def test_weights_are_the_same_bit_for_bit(name):
    here = same_results.arithmetic()
    if here != STORED["arithmetic"]:
        pytest.skip(f"float results differ in the last bits between {STORED['arithmetic']} and {here}")
    assert made_again(name)["hashes"] == STORED["runs"][name]["hashes"]
