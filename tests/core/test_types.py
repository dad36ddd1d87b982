"""The type checker sees what the code handles: `Any` as an argument or a result does not come back."""

from __future__ import annotations

import subprocess
import sys

from harness.environment import ROOT

LIMIT = 20
"""Of 121 at first; what is left reads what foreign pickles hold, or passes keywords on. Only lower it."""


def test_any_is_rarer_than_ever():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "ANN401", "--output-format", "concise",
         "itportrait_core", "nodes"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    places = [line for line in done.stdout.splitlines() if "ANN401" in line]
    assert done.returncode in (0, 1), done.stderr
    assert len(places) <= LIMIT, "\n".join(places)
