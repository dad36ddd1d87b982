"""Place this pack in a folder, the way a user has it in `custom_nodes`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from .environment import ROOT

NAME = "itportrait"
PARTS = (
    "__init__.py",
    "nodes",
    "itportrait_core",
    "web",
    "locales",
    "example_workflows",
    "subgraphs",
    "pyproject.toml",
)
"""What a user's copy needs; the tests, caches and environments stay outside."""


WEIGHTS = Path("itportrait_core", "pocket", "weights")
"""Where the embedded networks lie in it."""


def place(parent: Path, weights: Path | None = None) -> Path:
    """Link the pack into `parent` under `NAME`; copies where the system allows no links.

    Args:
        parent: a folder of custom nodes.
        weights: a folder of networks in place of the embedded ones.

    Returns:
        The folder of the pack.
    """
    folder = parent / NAME
    folder.mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).exists():
            _link(ROOT / part, folder / part)
    if weights is not None:
        for depth in range(len(WEIGHTS.parts)):  # real folders down to the weights, links beside them
            real = folder.joinpath(*WEIGHTS.parts[: depth + 1])
            _remove(real)
            if depth + 1 == len(WEIGHTS.parts):
                _link(weights, real)
                break
            real.mkdir()
            for child in ROOT.joinpath(*WEIGHTS.parts[: depth + 1]).iterdir():
                if child.name != "__pycache__":
                    _link(child, real / child.name)
    return folder


def unpack_archive(base: Path) -> Path:
    """Build the archive with the registry's own tool and unpack it into `custom_nodes` below `base`.

    Returns:
        The folder of the pack.
    """
    archive, home = base / "node.zip", base / "custom_nodes" / NAME
    program = f"from comfy_cli.file_utils import zip_files; zip_files({str(archive)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    home.mkdir(parents=True)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(home)
    return home


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows without the right to make links
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)
