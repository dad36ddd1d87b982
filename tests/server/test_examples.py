"""Every example workflow on a real server with the embedded networks, as the README's demo runs it."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from harness import workflows
from harness.client import ComfyClient
from harness.server import ComfyServer
from PIL import Image
from safetensors import safe_open

METHODS = {"coupled_portrait": "couple", "image_only": "apt", "text_only": "couple"}
"""What trains in each, as the names of its files in output/itportrait/runs begin."""


@pytest.mark.parametrize("name", workflows.names())
def test_an_example_runs_and_shows_what_it_promises(
    server: ComfyServer, client: ComfyClient, tmp_path: Path, name: str
) -> None:
    """It converts and ends well; pictures show somebody; losses fall; the second time all is cached."""
    workflow = workflows.read(name)
    prompt = workflows.to_prompt(workflow, client.nodes())
    run = client.run(prompt, workflow=workflow)
    assert run.end == "execution_success", f"{run.error}\n{server.said()}"
    savers = [node for node, entry in prompt.items() if entry["class_type"] == "SaveImage"]
    assert len(savers) >= 4
    for node in savers:
        for item in run.outputs[node]["images"]:
            with Image.open(client.fetch(item, tmp_path)) as picture:
                assert np.asarray(picture.convert("L")).std() > 8, f"{node} shows nothing"
    assert _falls(server.base, METHODS[name])
    again = client.run(prompt, workflow=workflow)
    assert again.executed == []


def _falls(base: Path, method: str) -> bool:
    """Whether a loss of the newest run of a method is lower in its last quarter than in its first."""
    files = (base / "output" / "itportrait" / "runs").glob(f"{method}-*.safetensors")
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    with safe_open(str(newest), framework="pt") as file:
        history = json.loads(file.metadata()["lineage"])["history"]
    falls = []
    for stage in {record["stage"] for record in history}:
        values = [record["losses"][stage] for record in history if record["stage"] == stage]
        quarter = max(1, len(values) // 4)
        falls.append(mean(values[-quarter:]) < mean(values[:quarter]))
    return all(falls)
