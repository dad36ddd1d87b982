"""Files that the nodes save on a real server: drawn again from their recipes; the workflow lies inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer

from itportrait_core.recipes.carriers import KEY, read_notes
from itportrait_core.recipes.verdict import IDENTICAL
from itportrait_core.recipes.verify import verify

VIEWS = 6
LEVEL = 0.15
"""A density that stand-in networks reach."""
WORKFLOW = {"nodes": [], "links": [], "version": 0.4, "extra": {"info": {"author": "somebody"}}}


def save_everything(graph: Graph, name: str, private: bool) -> dict[str, Any]:
    """One node of each kind that keeps a file with a recipe; the nodes that show something, by kind."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=5)
    cameras = graph.add("CameraOrbit", path="sweep", views=VIEWS)
    seen = graph.add("MultiViewRender", generator=base, cameras=cameras, portrait=person)
    head = graph.add("ExtractMesh", generator=base, portrait=person, resolution=32, level=LEVEL)
    given = {"name": name, "private": private}
    return {
        "png": graph.add("SavePictures", images=seen, recipe=seen[7], **given),
        "glb": graph.add("SaveMesh", mesh=head, recipe=head[1], **given),
        "generator": graph.add("SaveGenerator", generator=base, precision="half", **given),
        "difference": graph.add("SaveGenerator", generator=base, precision="difference", base=base, **given),
        "splats": graph.add("SaveSplats", generator=base, portrait=person, resolution=32, **given),
        "portrait": graph.add("SavePortrait", portrait=person, **given),
    }


@pytest.mark.parametrize("private", [False, True])
def test_saved_files_are_drawn_again(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, private: bool
) -> None:
    """Pictures, mesh, splats, generators and person: identical from the recipe; names where they may be."""
    folder = f"secret{int(private)}"
    savers = save_everything(graph, f"{folder}/item", private)
    run = quick.run(graph.prompt, workflow=WORKFLOW)
    assert (run.end, run.error) == ("execution_success", "")
    files = sorted((quick_server.base / "output" / "itportrait" / folder).iterdir())
    assert len(files) == VIEWS + 5
    places = [quick_server.weights]
    for file in files:
        verdict = verify(file, places)
        assert verdict.result == IDENTICAL, (file, verdict.facts)
        notes = read_notes(file)
        nodes = {entry["class_type"] for entry in json.loads(notes["prompt"]).values()}
        assert "ITportrait_GeneratorLoader" in nodes
        assert json.loads(notes["workflow"])["version"] == 0.4
        assert ("secret" in json.dumps(notes) or "somebody" in json.dumps(notes)) != private
        card = json.loads(notes[KEY])
        assert card["weights"]["license"] == "Apache-2.0"
        assert card["versions"].keys() >= {"itportrait", "torch", "comfyui", "device"}
    shown = run.outputs[savers["png"].id]["images"]
    assert [item["subfolder"] for item in shown] == [f"itportrait/{folder}"] * VIEWS
    assert run.outputs[savers["glb"].id]["3d"][0]["filename"].endswith(".glb")


def test_a_recipe_of_other_pictures_is_refused(quick: ComfyClient, graph: Graph) -> None:
    base = graph.add("GeneratorLoader")
    seen = graph.add("MultiViewRender", generator=base, cameras=graph.add("CameraOrbit", path="sweep"))
    one = graph.add("ImageFromBatch", image=seen, batch_index=0, length=1)
    graph.add("SavePictures", images=one, recipe=seen[7])
    run = quick.run(graph.prompt)
    assert run.end == "execution_error" and "recipe is of 5 pictures, but 1 came" in run.error
