"""The example workflows: read them, and turn the editor's format into what a server runs."""

from __future__ import annotations

import json
from typing import Any

from .environment import ROOT

EXAMPLES = ROOT / "example_workflows"


def names() -> list[str]:
    """Names of the shipped workflows, without their ending."""
    return sorted(file.stem for file in EXAMPLES.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """One shipped workflow in the editor's format."""
    return dict(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8")))


def to_prompt(workflow: dict[str, Any], nodes: dict[str, Any]) -> dict[str, Any]:
    """The API format of a workflow, given the server's node definitions (`ComfyClient.nodes`)."""
    from comfy_cli.workflow_to_api import convert_ui_to_api

    return dict(convert_ui_to_api(workflow, nodes))
