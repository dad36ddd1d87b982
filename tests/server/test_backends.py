"""Every ComfyUI in `COMFYUI_PATH`: the pack loads without a complaint and the first template runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import environment, pack, stand_ins, workflows
from harness.client import ComfyClient
from harness.server import ComfyServer

LEVEL = 0.15
"""A density that stand-in networks reach."""


@pytest.mark.parametrize("folder", environment.comfyuis(), ids=str)
def test_the_pack_loads_and_the_first_templates_run(folder: Path, tmp_path: Path) -> None:
    """Start here, and the mesh and splats, whose types differ between versions."""
    weights = stand_ins.write(tmp_path / "weights")
    with ComfyServer(comfyui=folder, weights=weights) as server:
        client = ComfyClient(server.url)
        nodes = client.nodes()
        said = server.said(1_000_000)
        ours = [line for line in said.splitlines() if pack.NAME in line.lower()]
        assert not [line for line in ours if "fail" in line.lower() or "error" in line.lower()], ours
        for name in ("Start here", "3D model and splats"):
            prompt = workflows.shortened(workflows.to_prompt(workflows.read(name), nodes))
            for entry in prompt.values():
                if entry["class_type"] == "ITportrait_ExtractMesh":
                    entry["inputs"]["level"] = LEVEL
            run = client.run(prompt)
            assert (run.end, run.error) == ("execution_success", ""), name
        client.close()
