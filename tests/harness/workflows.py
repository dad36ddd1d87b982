"""The example workflows: read them, and turn the editor's format into what a server runs."""

from __future__ import annotations

import json
from typing import Any

from .environment import ROOT

EXAMPLES = ROOT / "example_workflows"
BLUEPRINTS = ROOT / "subgraphs"
NOTES = ("Note", "MarkdownNote")
"""Nodes that the editor alone knows: they are text, and take no part in a run."""
SHORT = {
    "ITportrait_Inversion": {"steps": 16},
    "ITportrait_Stylize": {"steps": 16},
    "ITportrait_Fuse": {"steps": 32, "views": 2},
    "ITportrait_PivotalTuning": {"steps": 12},
    "ITportrait_CameraOrbit": {"views": 6},
    "ITportrait_ExtractMesh": {"resolution": 64},
    "ITportrait_SaveSplats": {"resolution": 64},
}
"""Most of what the tests ask for, where an example asks for more: every node runs, in a tenth of the time."""


def names() -> list[str]:
    """Names of the shipped workflows, without their ending."""
    return sorted(file.stem for file in EXAMPLES.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """One shipped workflow in the editor's format."""
    return dict(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8")))


def blueprint() -> dict[str, Any]:
    """The shipped blueprint in the editor's format."""
    return dict(json.loads((BLUEPRINTS / "One-click portrait style.json").read_text(encoding="utf-8")))


def subgraphs(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A workflow's sub-graphs by the type of the nodes that stand for them."""
    return {graph["id"]: graph for graph in workflow.get("definitions", {}).get("subgraphs", ())}


def to_prompt(workflow: dict[str, Any], nodes: dict[str, Any]) -> dict[str, Any]:
    """The API format of a workflow, given the server's node definitions (`ComfyClient.nodes`)."""
    from comfy_cli.workflow_to_api import convert_ui_to_api

    return dict(convert_ui_to_api(workflow, nodes))


def shortened(prompt: dict[str, Any]) -> dict[str, Any]:
    """A copy of a prompt that is done sooner: numbers held at `SHORT`, also where 0 stands for automatic."""
    copy: dict[str, Any] = json.loads(json.dumps(prompt))
    for entry in copy.values():
        for name, most in SHORT.get(entry["class_type"], {}).items():
            entry["inputs"][name] = min(entry["inputs"][name] or most, most)
    return copy
