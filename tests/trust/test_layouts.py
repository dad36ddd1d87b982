"""Installations as people have them: the pack loads and runs in each. The long part only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from harness import pack, stand_ins, workflows
from harness.client import ComfyClient, Rejected
from harness.graph import Graph
from harness.server import ComfyServer

from itportrait_core.checkpoints.format import save_generator
from tests.trust.counts import long

pytestmark = pytest.mark.skipif(not long(), reason="the long part: python tests/run.py --trust")
OPTIONS = [
    ("--cache-none",),
    ("--cache-lru", "2"),
    ("--cache-classic",),
    ("--deterministic",),
    ("--fp16-unet",),
    ("--fp16-vae",),
    ("--fp16-text-enc",),
    ("--force-fp16",),
    ("--disable-metadata",),
    ("--preview-method", "none"),
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins.write(tmp_path_factory.mktemp("weights"))


def main_job(server: ComfyServer) -> None:
    """Train, render and save, twice; nothing of it may fail."""
    client = ComfyClient(server.url)
    definitions = client.nodes()
    for _ in range(2):
        graph = Graph(definitions)
        base = graph.add("GeneratorLoader")
        person = graph.add("SamplePortrait", generator=base, seed=5)
        style = graph.add("Stylize", generator=base, portrait=person, steps=2)
        views = graph.add("MultiViewRender", generator=style, portrait=person)
        graph.add("SavePictures", images=views, recipe=views[7], name="layout")
        graph.add("SaveGenerator", generator=style, name="layout")
        run = client.run(graph.prompt)
        assert (run.end, run.error) == ("execution_success", "")
    client.close()


@pytest.mark.parametrize("arguments", OPTIONS, ids=" ".join)
def test_options_of_comfyui(weights: Path, arguments: tuple[str, ...]) -> None:
    with ComfyServer(weights=weights, arguments=arguments) as server:
        main_job(server)


def test_a_desktop_build(weights: Path, tmp_path: Path) -> None:
    """custom_nodes outside the source tree, a read-only source, the user folder and models elsewhere."""
    home = tmp_path / "program" / "custom_nodes"
    placed = pack.place(home, weights)
    solid = tmp_path / "base" / "custom_nodes" / pack.NAME
    shutil.copytree(placed, solid, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"))
    models = tmp_path / "drive" / "itportrait"
    models.mkdir(parents=True)
    save_generator(stand_ins.generator(seed=4), models / "elsewhere.safetensors")
    paths = tmp_path / "extra_model_paths.yaml"
    paths.write_text(
        f"drive:\n  base_path: {tmp_path / 'drive'}\n  itportrait: itportrait\n", encoding="utf-8"
    )
    before = {path: path.stat().st_mtime_ns for path in solid.rglob("*") if path.is_file()}
    for path in solid.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = tmp_path / "user"
    user.mkdir()
    arguments = ("--extra-model-paths-config", str(paths), "--user-directory", str(user))
    settings = {"PYTHONDONTWRITEBYTECODE": "1"}
    with ComfyServer(base=tmp_path / "base", arguments=arguments, settings=settings) as server:
        main_job(server)
        client = ComfyClient(server.url)
        names = client.nodes()["ITportrait_GeneratorLoader"]["input"]["required"]["file"]
        assert "elsewhere.safetensors" in str(names)
        client.close()
    after = {path: path.stat().st_mtime_ns for path in solid.rglob("*") if path.is_file()}
    assert after == before
    for path in solid.rglob("*"):
        os.chmod(path, 0o755)


def test_every_node_bypassed_and_muted(weights: Path) -> None:
    """The rest of the graph runs, or the server says which input is missing; nothing breaks."""
    with ComfyServer(weights=weights) as server:
        client = ComfyClient(server.url)
        definitions = client.nodes()
        workflow = workflows.read("Every step, explained")
        for node in workflow["nodes"]:
            for mode in (2, 4):
                changed = {**workflow, "nodes": [
                    {**other, "mode": mode if other["id"] == node["id"] else other.get("mode", 0)}
                    for other in workflow["nodes"]
                ]}  # fmt: skip
                try:
                    run = client.run(workflows.shortened(workflows.to_prompt(changed, definitions)))
                    assert run.end == "execution_success" or "wanted" in run.error or "must" in run.error, (
                        run.error
                    )
                except Rejected:
                    pass
        client.close()
