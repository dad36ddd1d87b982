"""The pure maths of the views, in Node.js: `node --test`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name.split(".")[0])
def test_maths(file: Path) -> None:
    """Every property that the file states holds."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js found")
    done = subprocess.run(
        [node, "--test", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
