"""The names of ComfyUI that the nodes use: known by a snapshot, and there in every ComfyUI at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import environment
from harness.comfy_names import NEWER, SNAPSHOT, missing, used


def test_the_snapshot_is_what_the_nodes_use(update: bool) -> None:
    if update:
        SNAPSHOT.write_text(json.dumps(used(), indent=1) + "\n", encoding="utf-8")
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == used(), "run with UPDATE_CONTRACT=1"


@pytest.mark.parametrize("folder", environment.comfyuis(), ids=str)
def test_every_name_is_in_its_sources(folder: Path) -> None:
    """Those of newer versions aside, which the nodes ask for first."""
    assert set(missing(folder)) <= NEWER


def test_a_tree_that_lacks_a_name_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "folder_paths.py").write_text("models_dir = ''\n", encoding="utf-8")
    lacking = missing(tmp_path)
    assert "folder_paths.get_temp_directory" in lacking and "folder_paths.models_dir" not in lacking
