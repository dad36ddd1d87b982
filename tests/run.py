"""Check the whole project: `python tests/run.py`. Sets itself up; more arguments go to pytest.

Runs ruff, mypy and every pytest suite, all of them even when one fails, pytest last.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment, pack


def main() -> int:
    """0 when everything passes."""
    environment.enter("tests/requirements.txt")
    environment.comfyui()  # says so now when there is none, not in the middle of the tests
    failed = [name for name, check in (("ruff", ruff), ("mypy", mypy)) if check() != 0]
    if failed:
        print(f"failed: {', '.join(failed)} (see above)", flush=True)
    return max(pytest(sys.argv[1:]), int(bool(failed)))


def ruff() -> int:
    """Lint."""
    return _tool("ruff", "check", ".")


def mypy() -> int:
    """Types of the core and of the nodes, seen as ComfyUI sees them: inside one package."""
    with tempfile.TemporaryDirectory() as parent:
        pack.place(Path(parent))
        config = str(environment.ROOT / "pyproject.toml")
        return _tool("mypy", "--config-file", config, "-p", pack.NAME, cwd=parent)


def pytest(arguments: list[str]) -> int:
    """Every suite: core, nodes, server, web."""
    return _tool("pytest", *arguments)


def _tool(name: str, *arguments: str, cwd: str | Path = environment.ROOT) -> int:
    print(f"== {name}", flush=True)
    return subprocess.call(
        [sys.executable, "-m", name, *arguments], cwd=cwd, env=os.environ | {"DO_NOT_TRACK": "1"}
    )


if __name__ == "__main__":
    raise SystemExit(main())
