"""The faults of `tests/mutants.py` can still be planted; whether tests die of them is found by running it."""

from __future__ import annotations

import pytest
from harness.environment import ROOT
from mutants import MUTANTS, Mutant, path_of


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_line_and_the_named_test_are_there(mutant: Mutant) -> None:
    """Where a line has moved or changed, its mutant must follow, or it protects nothing."""
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    file, function = path_of(mutant.test).split("::")
    assert f"def {function.split('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")


def test_there_are_twenty_over_all_kinds() -> None:
    kinds = {mutant.name.split(":")[0] for mutant in MUTANTS}
    assert kinds >= {"gate", "directions", "terms", "hand-over", "passes", "configs", "resume"}
    assert kinds >= {"names", "cards", "files", "pickles", "writer", "sweep", "tensors", "json", "door"}
    assert len(MUTANTS) >= 40
