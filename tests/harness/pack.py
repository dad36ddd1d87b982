"""Place this pack in a folder, the way a user has it in `custom_nodes`."""

from __future__ import annotations

import shutil
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


def place(parent: Path) -> Path:
    """Link the pack into `parent` under `NAME`; copies where the system allows no links.

    Returns:
        The folder of the pack.
    """
    folder = parent / NAME
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if not source.exists():
            continue
        try:
            (folder / part).symlink_to(source, target_is_directory=source.is_dir())
        except OSError:  # Windows without the right to make links
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / part)
    return folder
