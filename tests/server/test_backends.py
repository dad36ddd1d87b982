"""Every ComfyUI in `COMFYUI_PATH`: the pack loads without a complaint and templates run."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import environment, pack, workflows
from harness.client import ComfyClient
from harness.server import ComfyServer


@pytest.mark.parametrize("folder", environment.comfyuis(), ids=str)
def test_the_pack_loads_and_templates_run(folder: Path) -> None:
    """Start here, and the mesh and splats, whose types differ between versions."""
    with ComfyServer(comfyui=folder) as server:
        client = ComfyClient(server.url)
        nodes = client.nodes()
        ours = [line for line in server.said(1_000_000).splitlines() if pack.NAME in line.lower()]
        assert not [line for line in ours if "fail" in line.lower() or "error" in line.lower()]
        for name in ("3D model and splats", "Start here"):
            prompt = workflows.shortened(workflows.to_prompt(workflows.read(name), nodes))
            run = client.run(prompt)
            assert (run.end, run.error) == ("execution_success", ""), name
        client.close()
