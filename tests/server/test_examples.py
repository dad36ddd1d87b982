"""Every example workflow on a real server with the embedded networks, in fewer steps than an artist takes."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from harness import workflows
from harness.client import ComfyClient
from harness.exhibits import SHOWING, exhibits
from harness.server import ComfyServer
from PIL import Image
from safetensors import safe_open

METHODS = {
    "Every step, explained": ("couple",),
    "Style from one picture": ("apt",),
    "A photo, changed by a text": ("tune", "couple"),
    "Two styles, mixed": ("apt",),
    "Style from a text": ("couple",),
}
"""What trains in an example, as the names of its files in output/itportrait/runs begin."""


@pytest.mark.parametrize("name", workflows.names())
def test_an_example_runs_and_shows_what_it_promises(
    server: ComfyServer, client: ComfyClient, tmp_path: Path, name: str
) -> None:
    """It converts and ends well; all that it saves shows something; losses fall; then all is cached."""
    workflow = workflows.read(name)
    prompt = workflows.shortened(workflows.to_prompt(workflow, client.nodes()))
    for entry in prompt.values():
        # from the style prior there is too little left to learn in so few steps for every half to be better
        if entry["class_type"] in ("ITportrait_Stylize", "ITportrait_Fuse"):
            entry["inputs"]["style_start"] = "generator as it is"
    run = client.run(prompt, workflow=workflow)
    assert run.end == "execution_success", f"{run.error}\n{server.said()}"
    shown = exhibits(client, run.outputs, workflow, tmp_path)
    promised = {node["title"] for node in workflow["nodes"] if node["type"] in SHOWING and node["mode"] == 0}
    assert set(shown) == promised
    for title, pictures in shown.items():
        assert pictures, title
        for file in pictures:
            with Image.open(file) as picture:
                assert np.asarray(picture.convert("L")).std() > 8, f"{title} shows nothing"
    for method in METHODS.get(name, ()):
        assert _falls(server.base, method), method
    again = client.run(prompt, workflow=workflow)
    assert again.executed == []


def _falls(base: Path, method: str) -> bool:
    """Whether the losses of the newest run of a method are lower in its second half than in its first.

    Of ITE the text's, which every step knows: the gate takes the picture's way in some steps, another scale.
    """
    files = (base / "output" / "itportrait" / "runs").glob(f"{method}-*.safetensors")
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    with safe_open(str(newest), framework="pt") as file:
        history = json.loads(file.metadata()["lineage"])["history"]
    falls = []
    for stage in {record["stage"] for record in history}:
        name = "text" if stage == "ite" else stage
        values = [record["losses"][name] for record in history if record["stage"] == stage]
        half = max(1, len(values) // 2)
        falls.append(mean(values[-half:]) < mean(values[:half]))
    return all(falls)
