"""The registry's archive beside a server that lacks one package: it loads, and works, or says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from harness import pack, workflows
from harness.client import ComfyClient, Run
from harness.graph import Graph
from harness.server import ComfyServer

FEW = {"ITportrait_Inversion": 4, "ITportrait_Fuse": 4}
"""Steps: enough for every line to run."""
HIDING = """
import importlib.machinery, os, sys

GONE = set(os.environ["ITPORTRAIT_TEST_LACKS"].split())


class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in GONE else super().find_spec(name, path, target)


sys.meta_path[:] = [Finder if one is importlib.machinery.PathFinder else one for one in sys.meta_path]
"""
"""Makes packages as absent as if they had never been installed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base directory with the unpacked archive, and the module that hides packages."""
    base = tmp_path_factory.mktemp("lacking")
    pack.unpack_archive(base)
    (base / "hiding").mkdir()
    (base / "hiding" / "sitecustomize.py").write_text(HIDING, encoding="utf-8")
    return base


@pytest.mark.parametrize(
    ("module", "works"),
    [("lpips", True), ("open_clip", True), ("ai_edge_litert", True), ("kornia", False)],
)
def test_a_server_without_the_package(home: Path, module: str, works: bool) -> None:
    """All nodes are there; the first template runs, or its node asks for the package with the command."""
    settings = {"PYTHONPATH": str(home / "hiding"), "ITPORTRAIT_TEST_LACKS": module}
    with ComfyServer(base=home, settings=settings) as server:
        client = ComfyClient(server.url)
        nodes = client.nodes()
        assert sum(name.startswith("ITportrait_") for name in nodes) >= 28
        log = server.said(1_000_000)
        assert not [line for line in log.splitlines() if "IMPORT FAILED" in line and pack.NAME in line]
        run = client.run(few_steps(workflows.to_prompt(workflows.read("Start here"), nodes)))
        if works:
            assert (run.end, run.error) == ("execution_success", "")
        else:
            asks_for(run, module)
        if module == "ai_edge_litert":
            asks_for(client.run(wide_picture(nodes)), "ai-edge-litert")
        client.close()


def asks_for(run: Run, package: str) -> None:
    """The sentence with the command for this very Python, the portable one too."""
    assert run.end == "execution_error"
    assert f'"{sys.executable}" -s -m pip install {package}' in run.error


def few_steps(prompt: dict[str, Any]) -> dict[str, Any]:
    """A copy whose trainings take a few steps."""
    short = workflows.shortened(prompt)
    for entry in short.values():
        if entry["class_type"] in FEW:
            entry["inputs"]["steps"] = FEW[entry["class_type"]]
    return short


def wide_picture(nodes: dict[str, Any]) -> dict[str, Any]:
    """A picture in which a face has to be sought."""
    graph = Graph(nodes)
    wide = graph.add("EmptyImage", width=96, height=64, color=8421504)
    graph.show(graph.add("Align", image=wide, keep_framed=True))
    return graph.prompt
