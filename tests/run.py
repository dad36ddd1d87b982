"""Check the whole project: `python tests/run.py`. Sets itself up.

Runs ruff (lint and format), mypy and every pytest suite, all of them even when one fails: first Ray's nodes,
alone on the machine, then what computes, in two processes, then servers and browsers in one. `--quick` leaves
out all but the second, and full-size networks: the loop at the desk.
`--trust` runs only the long part of `tests/trust`, or a share of it (`--trust 0.1`, `--seed 3`), and writes
docs/trust.md; what follows goes to pytest, as all other arguments do.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import environment, pack

ALONE = ("tests/farm", "-m", "cluster")
"""Ray gives its nodes fifteen seconds to start, so nothing runs beside them."""
COMPUTING = ("tests/core", "tests/nodes", "tests/farm", "-m", "not cluster")
SERVING = ("tests/trust", "tests/server", "tests/web")
QUICK = ("tests/core", "tests/nodes", "-m", "not slow")
TWO_PROCESSES = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")
"""Not for servers and browsers: a browser beside a training wants the other core."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Of torch in each process: small networks gain nothing from more."""


def main() -> int:
    """0 when everything passes."""
    environment.enter("tests/requirements.txt")
    arguments = sys.argv[1:]
    if arguments[:1] == ["--trust"]:
        return trust(arguments[1:])
    quick = "--quick" in arguments
    arguments = [word for word in arguments if word != "--quick"]
    environment.comfyui()  # says so now when there is none, not in the middle of the tests
    checks = (("ruff", ruff), ("ruff format", ruff_format), ("mypy", mypy))
    failed = [name for name, check in checks if check() != 0]
    if failed:
        print(f"failed: {', '.join(failed)} (see above)", flush=True)
    return max(pytest([*(QUICK if quick else ()), *arguments]), int(bool(failed)))


def trust(arguments: list[str]) -> int:
    """The long part of the trust suite at a share of its counts; its table goes into docs/trust.md."""
    parser = argparse.ArgumentParser(prog="tests/run.py --trust")
    parser.add_argument("share", nargs="?", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=float, help="end each drill after so long, with what it has done")
    given, rest = parser.parse_known_args(arguments)
    sys.path.insert(0, str(environment.ROOT))
    from trust import counts

    print(f"share {given.share:g}, seed {given.seed}", flush=True)
    wanted = {counts.SHARE: str(given.share), counts.SEED_NAME: str(given.seed)}
    wanted |= {counts.TIME: str(given.seconds)} if given.seconds else {}
    code = _tool(
        "pytest", "tests/trust", "tests/web/test_hostile_strings.py", "-q", *rest, **ONE_THREAD, **wanted
    )
    text = counts.page()
    print(text)
    (environment.ROOT / "docs" / "trust.md").write_text(text, encoding="utf-8")
    return code


def ruff() -> int:
    """Lint."""
    return _tool("ruff", "check", ".")


def ruff_format() -> int:
    """Layout; `ruff format .` repairs it."""
    return _tool("ruff", "format", "--check", ".")


def mypy() -> int:
    """Types of the core and of the nodes, seen as ComfyUI sees them: inside one package."""
    with tempfile.TemporaryDirectory() as parent:
        pack.place(Path(parent))
        config, cache = str(environment.ROOT / "pyproject.toml"), str(environment.ROOT / ".mypy_cache")
        return _tool("mypy", "--config-file", config, "--cache-dir", cache, "-p", pack.NAME, cwd=parent)


def pytest(arguments: list[str]) -> int:
    """The suites: Ray, core, nodes and farm, then trust, server and web; with arguments, what they name."""
    if not arguments:
        parts = (ALONE, (*TWO_PROCESSES, *COMPUTING), SERVING)
        return max([_tool("pytest", *part, **ONE_THREAD) for part in parts])
    if arguments[: len(QUICK)] == list(QUICK):
        return _tool("pytest", *TWO_PROCESSES, *arguments, **ONE_THREAD)
    return _tool("pytest", *arguments, **ONE_THREAD)


def _tool(name: str, *arguments: str, cwd: Path | str = environment.ROOT, **variables: str) -> int:
    print(f"== {name} {arguments[0] if name == 'ruff' else ''}", flush=True)
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.call(command, cwd=cwd, env=os.environ | variables | {"DO_NOT_TRACK": "1"})


if __name__ == "__main__":
    raise SystemExit(main())
