"""Runs on a real server: training under inference mode, previews, cancel, caching, lasting files."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import stand_ins
from harness.client import ComfyClient
from harness.graph import Graph
from harness.server import ComfyServer
from PIL import Image
from safetensors.torch import load_file

from itportrait_core.checkpoints.format import read_header
from itportrait_core.methods.configs import APTConfig, suited
from itportrait_core.recipes.verdict import IDENTICAL
from itportrait_core.recipes.verify import verify

PREVIEWS_PER_SECOND = 4


def styled(graph: Graph, steps: int, seed: int) -> str:
    """Image-only training of a made-up person; returns the id of the training node."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=seed)
    style = graph.add("Stylize", generator=base, portrait=person, steps=steps, seed=seed)
    graph.show(style[2])
    return style.id


def test_training_changes_weights_under_inference_mode(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph
) -> None:
    """A training node gets gradients although ComfyUI runs it in inference mode, and all its widgets left
    alone are the core's settings for a small generator."""
    before = set(quick_server.base.rglob("apt-*.safetensors"))
    styled(graph, steps=3, seed=11)
    assert quick.run(graph.prompt).end == "execution_success"
    (made,) = set(quick_server.base.rglob("apt-*.safetensors")) - before
    assert verify(made).result == IDENTICAL
    own = suited(APTConfig, SimpleNamespace(resolution=stand_ins.SIDE), prior=False).replace(steps=3, seed=11)
    assert APTConfig.from_dict(read_header(made).lineage["settings"]) == own
    base = load_file(quick_server.weights / "generator.safetensors")
    trained = load_file(made)
    assert any(not (trained[name] == base[name]).all() for name in base)


def test_previews_arrive_and_are_rare_enough(quick: ComfyClient, graph: Graph) -> None:
    """Live previews are pictures, and no more than four come in a second."""
    styled(graph, steps=5000, seed=12)

    def stop(kind: str, data: dict[str, Any]) -> None:
        assert kind != "preview" or data["count"] < 3 or quick.stop_and_keep()

    run = quick.run(graph.prompt, stop)
    times = [when for when, _ in run.previews]
    assert len(times) >= 3
    assert all(sum(t <= other < t + 1 for other in times) <= PREVIEWS_PER_SECOND + 1 for t in times)
    with Image.open(io.BytesIO(run.previews[-1][1])) as picture:
        assert min(picture.size) >= stand_ins.SIDE


def test_cancel_stops_within_a_step_and_the_next_prompt_runs(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph
) -> None:
    """Cancelling a training of thousands of steps ends it at once, leaves no result, and breaks nothing."""
    node = styled(graph, steps=5000, seed=13)
    before = set(quick_server.base.rglob("apt-*.safetensors"))
    asked: list[int] = []

    def cancel(kind: str, data: dict[str, Any]) -> None:
        if kind == "progress" and data["node"] == node and data["value"] >= 5 and not asked:
            asked.append(data["value"])
            quick.cancel()

    run = quick.run(graph.prompt, cancel)
    last = max(value for where, value, _, _ in run.progress if where == node)
    assert run.end == "execution_interrupted"
    assert last - asked[0] <= 3  # the request travels while a step or two of some milliseconds are made
    assert set(quick_server.base.rglob("apt-*.safetensors")) == before

    fresh = Graph(graph.definitions)
    styled(fresh, steps=2, seed=14)
    assert quick.run(fresh.prompt).end == "execution_success"


def stop_at(client: ComfyClient, node: str, step: int) -> Callable[[str, dict[str, Any]], None]:
    """A listener that asks once to stop and keep, as soon as a node has made so many steps."""
    asked: list[bool] = []

    def listen(kind: str, data: dict[str, Any]) -> None:
        if kind == "progress" and data["node"] == node and data["value"] >= step and not asked:
            asked.append(client.stop_and_keep())
            assert asked == [True]

    return listen


def test_stop_and_keep_goes_on_with_the_style_so_far(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph
) -> None:
    """It is a success with fewer steps; its file is no finished result, so the recipe can be finished."""
    steps = 60
    assert quick.stop_and_keep() is False  # nothing runs, and the training below must not hear of it
    node = styled(graph, steps=steps, seed=17)
    before = set(quick_server.base.rglob("apt-*"))
    run = quick.run(graph.prompt, stop_at(quick, node, 5))
    assert (run.end, run.error) == ("execution_success", "")
    new = set(quick_server.base.rglob("apt-*")) - before
    (kept,) = (file for file in new if file.suffix == ".safetensors")
    (point,) = new - {kept}
    done = len(steps_of(kept))
    assert 5 <= done < steps and kept.stem == f"{point.stem}-kept-{done}" and point.suffix == ".resume"
    assert verify(kept).result == IDENTICAL

    assert quick.run(graph.prompt).executed == []  # what was kept is used as long as ComfyUI remembers it
    quick.free()  # heeded before the next prompt, or after it where that one was quicker
    again = next(run for _ in range(2) if (run := quick.run(graph.prompt)).executed)
    assert again.end == "execution_success"
    assert min(value for where, value, _, _ in again.progress if where == node and value) > done
    assert not point.exists()
    assert [row["step"] for row in steps_of(point.with_suffix(".safetensors"))] == list(range(steps))


def steps_of(file: Path) -> list[dict[str, Any]]:
    """The history in the header of a style's file."""
    return list(read_header(file).lineage["history"])


def test_an_inversion_that_was_stopped_says_so(quick: ComfyClient, graph: Graph) -> None:
    base, prior = graph.add("GeneratorLoader"), graph.add("PhotoPriorLoader")
    found = graph.add(
        "Inversion", generator=base, photo_prior=prior, image=graph.add("ExamplePicture"), steps=900
    )
    report = graph.add("PreviewAny", source=found[3])
    run = quick.run(graph.prompt, stop_at(quick, found.id, 3))
    assert (run.end, run.error) == ("execution_success", "")
    facts = json.loads(run.outputs[report.id]["text"][0])
    assert facts["ended"] == "kept" and facts["steps"] < 900
    assert "Stopped by hand" in facts["warnings"][0]


def test_the_same_prompt_again_runs_nothing(quick: ComfyClient, graph: Graph) -> None:
    """Every node of ours is cached when nothing has changed."""
    styled(graph, steps=2, seed=15)
    assert quick.run(graph.prompt).executed
    again = quick.run(graph.prompt)
    assert again.executed == []
    assert set(again.cached) == set(graph.prompt)


def test_training_outlives_the_cache(quick_server: ComfyServer, quick: ComfyClient, graph: Graph) -> None:
    """After ComfyUI has dropped everything, the result is read from its file instead of trained again."""
    node = styled(graph, steps=4, seed=16)
    quick.run(graph.prompt)
    made = {file: file.stat().st_mtime_ns for file in quick_server.base.rglob("apt-*.safetensors")}
    quick.free()
    again = quick.run(graph.prompt)
    assert node in again.executed
    assert not [value for where, value, _, _ in again.progress if where == node]
    assert {file: file.stat().st_mtime_ns for file in quick_server.base.rglob("apt-*.safetensors")} == made


def test_runs_may_be_deleted_under_a_running_server(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph
) -> None:
    """The next queue makes again what is needed, and renders, saves and exports from it."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=23)
    style = graph.add("Stylize", generator=base, portrait=person, steps=2, seed=23)
    views = graph.add("MultiViewRender", generator=style, portrait=person)
    graph.add("SavePictures", images=views, recipe=views[7], name="deleted")
    graph.add("SaveGenerator", generator=style, name="deleted")
    graph.add("ExportLiveHead", generator=style, portrait=person, name="deleted")
    runs = quick_server.base / "output" / "itportrait" / "runs"
    for number in range(3):
        for entry in graph.prompt.values():
            if "name" in entry["inputs"]:
                entry["inputs"]["name"] = f"deleted {number}"
        run = quick.run(graph.prompt)
        assert (run.end, run.error) == ("execution_success", "")
        shutil.rmtree(runs)
        if number == 1:
            quick.free()


@pytest.mark.parametrize("precision", ["as it is", "half"])
def test_a_saved_style_can_be_loaded_at_once(quick: ComfyClient, graph: Graph, precision: str) -> None:
    """Save Generator's file stands in EG3D Loader's list, and draws."""
    base = graph.add("GeneratorLoader")
    graph.add("SaveGenerator", generator=base, name=f"kept/{precision[:4]}", precision=precision)
    assert quick.run(graph.prompt).end == "execution_success"
    fresh = Graph(quick.nodes())
    (choices, _) = fresh.definitions["ITportrait_GeneratorLoader"]["input"]["required"]["file"]
    listed = choices if isinstance(choices, list) else _["options"]
    name = next(name for name in listed if name.endswith(f"{precision[:4]}_00001.safetensors"))
    loaded = fresh.add("GeneratorLoader", file=name)
    cameras = fresh.add("CameraOrbit")
    fresh.show(fresh.add("MultiViewRender", generator=loaded, cameras=cameras))
    assert quick.run(fresh.prompt).end == "execution_success"


@pytest.mark.parametrize("precision", ["difference", "small difference"])
def test_a_difference_is_loaded_on_its_base(quick: ComfyClient, graph: Graph, precision: str) -> None:
    """Saved as a difference, a style stands in EG3D Loader's list and draws; another base is refused."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base, seed=21)
    style = graph.add("Stylize", generator=base, portrait=person, steps=2, seed=21)
    graph.add("SaveGenerator", generator=style, name=f"apart/{precision[:5]}", precision=precision, base=base)
    assert quick.run(graph.prompt).end == "execution_success"
    for foreign in (False, True):
        fresh = Graph(quick.nodes())
        file = f"apart/{precision[:5]}_00001.safetensors"
        if foreign:
            plain = fresh.add("GeneratorLoader")
            other = fresh.add("SamplePortrait", generator=plain, seed=22)
            plain = fresh.add("Stylize", generator=plain, portrait=other, steps=1, seed=22)
            loaded = fresh.add("GeneratorLoader", file=file, base=plain)
        else:
            loaded = fresh.add("GeneratorLoader", file=file)
        cameras = fresh.add("CameraOrbit")
        fresh.show(fresh.add("MultiViewRender", generator=loaded, cameras=cameras))
        run = quick.run(fresh.prompt)
        assert (run.end == "execution_success") is not foreign
        assert not foreign or "another base" in str(run.error)


@pytest.mark.parametrize("mode", ["coupled", "text_only"])
def test_text_and_picture_train_together(quick: ComfyClient, graph: Graph, mode: str) -> None:
    """Both modes give a style, a table of every step and a plot; text_only hands the base on as well."""
    base = graph.add("GeneratorLoader")
    person = graph.add("SamplePortrait", generator=base)
    clip = graph.add("ClipLoader")
    fused = graph.add("Fuse", generator=base, portrait=person, clip=clip, mode=mode, steps=4, views=2)
    cameras = graph.add("CameraOrbit", path="grid", columns=2, rows=2)
    for output in (0, 1):
        graph.show(graph.add("MultiViewRender", generator=fused[output], cameras=cameras, portrait=person))
    graph.show(fused[3])
    table = graph.add("PreviewAny", source=fused[4])
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    rows = run.outputs[table.id]["text"][0].strip().splitlines()
    assert len(rows) == 1 + 4
    stages = [row.split(",")[1] for row in rows[1:]]
    assert stages == (["apt"] * 3 + ["ite"] if mode == "coupled" else ["ite"] * 4)  # the warm-up comes first


def test_an_inversion_reports_and_can_be_kept(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph
) -> None:
    """A picture larger than the generator's becomes a portrait with a report; its file loads as the same."""
    base, prior = graph.add("GeneratorLoader"), graph.add("PhotoPriorLoader")
    picture = graph.add("ExamplePicture")
    found = graph.add("Inversion", generator=base, photo_prior=prior, image=picture, steps=3)
    report = graph.add("PreviewAny", source=found[3])
    graph.show(found[1])
    graph.add("SavePortrait", portrait=found, name="somebody")
    run = quick.run(graph.prompt)
    assert (run.end, run.error) == ("execution_success", "")
    facts = json.loads(run.outputs[report.id]["text"][0])
    assert {"yaw", "pitch", "lpips", "psnr", "pose_residual", "warnings"} <= set(facts)
    file = max(quick_server.base.rglob("somebody_*.safetensors"))
    fresh = Graph(quick.nodes())
    again = fresh.add("PreviewAny", source=fresh.add("LoadPortrait", file=file.name)[2])
    loaded = quick.run(fresh.prompt)
    assert json.loads(loaded.outputs[again.id]["text"][0]) == facts
