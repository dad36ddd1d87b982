"""Bad input: a readable message at the node, and not one file more than before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness import stand_ins
from harness.client import ComfyClient, Rejected
from harness.graph import Graph, Node
from harness.server import ComfyServer
from PIL import Image

from itportrait_core.checkpoints.format import save_generator

SIDE = stand_ins.SIDE


def person(graph: Graph) -> tuple[Node, Node]:
    """A generator and somebody made up in it."""
    base = graph.add("GeneratorLoader")
    return base, graph.add("SamplePortrait", generator=base)


def batch(graph: Graph) -> None:
    two = graph.add("EmptyImage", width=64, height=64, batch_size=2)
    graph.show(graph.add("Align", image=two, points="0.3,0.4 0.7,0.4 0.5,0.6 0.4,0.8 0.6,0.8"))


def hidden_batch(graph: Graph) -> None:
    """By a node of which the graph does not say how many pictures it gives."""
    two = graph.add("EmptyImage", width=SIDE, height=SIDE, batch_size=2)
    two = graph.add("ImageFromBatch", image=two, batch_index=0, length=2)
    base, prior = graph.add("GeneratorLoader"), graph.add("PhotoPriorLoader")
    graph.show(graph.add("Inversion", generator=base, photo_prior=prior, image=two)[1])


def plain_colour(graph: Graph) -> None:
    one = graph.add("EmptyImage", width=SIDE, height=SIDE, color=128)
    base, prior = graph.add("GeneratorLoader"), graph.add("PhotoPriorLoader")
    graph.show(graph.add("Inversion", generator=base, photo_prior=prior, image=one)[1])


def four_points(graph: Graph) -> None:
    one = graph.add("EmptyImage", width=64, height=64)
    graph.show(graph.add("Align", image=one, points="0.3,0.4 0.7,0.4 0.5,0.6 0.4,0.8"))


def points_on_one_spot(graph: Graph) -> None:
    one = graph.add("EmptyImage", width=64, height=64)
    graph.show(graph.add("Align", image=one, points=" ".join(["0.5,0.5"] * 5)))


def strange_settings(graph: Graph) -> None:
    base, somebody = person(graph)
    settings = graph.add("MethodSettings", changes='{"apt": {"bta": 1}}')
    graph.show(graph.add("Stylize", generator=base, portrait=somebody, settings=settings)[2])


def settings_out_of_range(graph: Graph) -> None:
    base, somebody = person(graph)
    settings = graph.add("MethodSettings", changes='{"apt": {"beta": 7}}')
    graph.show(graph.add("Stylize", generator=base, portrait=somebody, settings=settings)[2])


def settings_that_are_no_json(graph: Graph) -> None:
    base, somebody = person(graph)
    settings = graph.add("MethodSettings", changes="beta = 7")
    graph.show(graph.add("Stylize", generator=base, portrait=somebody, settings=settings)[2])


def name_that_leads_out(graph: Graph) -> None:
    graph.add("SaveGenerator", generator=graph.add("GeneratorLoader"), name="../../outside")


def absolute_name(graph: Graph) -> None:
    graph.add("SavePortrait", portrait=person(graph)[1], name="/tmp/outside")


def name_of_another_drive(graph: Graph) -> None:
    graph.add("SaveGenerator", generator=graph.add("GeneratorLoader"), name="C:\\outside")


def empty_name(graph: Graph) -> None:
    graph.add("SaveGenerator", generator=graph.add("GeneratorLoader"), name="")


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (hidden_batch, "one picture, got a batch of 2"),
        (plain_colour, "one plain colour"),
        (points_on_one_spot, "one spot"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_input_is_explained(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, build: Callable[[Graph], None], says: str
) -> None:
    """The node says what is wrong; no file appears or changes."""
    build(graph)
    before = quick_server.files()
    run = quick.run(graph.prompt)
    assert run.end == "execution_error"
    assert says in run.error
    assert quick_server.files() == before


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (batch, "gives a batch of 2"),
        (four_points, "no five points"),
        (strange_settings, "no setting 'bta'"),
        (settings_out_of_range, "must lie in"),
        (settings_that_are_no_json, "no JSON"),
        (name_that_leads_out, "no file name"),
        (absolute_name, "no file name"),
        (name_of_another_drive, "no file name"),
        (empty_name, "no file name"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_the_graph_tells_is_refused_before_anything_runs(
    quick_server: ComfyServer, quick: ComfyClient, graph: Graph, build: Callable[[Graph], None], says: str
) -> None:
    """The server answers with one sentence at the node; no file appears or changes."""
    build(graph)
    before = quick_server.files()
    with pytest.raises(Rejected) as refused:
        quick.run(graph.prompt)
    said = [error["details"] for errors in refused.value.errors.values() for error in errors]
    assert len([line for line in said if says in line]) == 1
    assert quick_server.files() == before


@pytest.mark.parametrize(
    ("kind", "inputs", "about"),
    [
        ("Stylize", {"steps": 5001}, "steps"),
        ("Stylize", {"beta": -0.1}, "beta"),
        ("MultiViewRender", {"truncation": 3.0}, "truncation"),
        ("ExtractMesh", {"resolution": 16}, "resolution"),
        ("Fuse", {"text": " "}, "text is empty"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_runs(
    quick: ComfyClient, graph: Graph, kind: str, inputs: dict[str, object], about: str
) -> None:
    """The server answers with the input's name."""
    base, somebody = person(graph)
    parts = {"generator": base, "portrait": somebody, "cameras": graph.add("CameraOrbit")}
    parts |= {
        "photo_prior": graph.add("PhotoPriorLoader"),
        "image": somebody[1],
        "clip": graph.add("ClipLoader"),
    }
    wanted = graph.definitions[f"ITportrait_{kind}"]["input"]["required"]
    node = graph.add(kind, **{name: value for name, value in parts.items() if name in wanted}, **inputs)
    outputs = graph.definitions[f"ITportrait_{kind}"]["output"]
    graph.add("PreviewAny", source=node[outputs.index(outputs[-1])])
    with pytest.raises(Rejected) as refused:
        quick.run(graph.prompt)
    details = " ".join(error["details"] for error in refused.value.errors[node.id])
    assert about in details


@pytest.mark.parametrize(
    ("kind", "inputs", "says"),
    [
        ("Inversion", {"pose_init": "sideways"}, "sideways"),
        ("GeneratorLoader", {"file": "../../../../etc/passwd"}, "etc/passwd"),
        ("LoadPortrait", {"file": "/etc/passwd"}, "/etc/passwd"),
        ("ClipLoader", {"file": "..\\..\\secret.pt"}, "secret.pt"),
        ("ImportCheckpoint", {"file": "../../hidden.pkl"}, "hidden.pkl"),
        ("ExamplePicture", {"picture": "../Start here"}, "Start here"),
        ("CameraOrbit", {"path": "spiral"}, "spiral"),
    ],
)
def test_choices_that_are_not_in_the_list_are_refused(
    quick_server: ComfyServer,
    quick: ComfyClient,
    graph: Graph,
    kind: str,
    inputs: dict[str, object],
    says: str,
) -> None:
    """ComfyUI 0.3.75 lets any text pass where a list is: then the node itself refuses, and reads nothing."""
    base, picture = graph.add("GeneratorLoader"), graph.add("EmptyImage", width=SIDE, height=SIDE)
    parts = {"generator": base, "photo_prior": graph.add("PhotoPriorLoader"), "image": picture}
    wanted = graph.definitions[f"ITportrait_{kind}"]["input"]["required"]
    node = graph.add(kind, **{name: value for name, value in parts.items() if name in wanted}, **inputs)
    graph.add("PreviewAny", source=node)
    before = quick_server.files()
    try:
        run = quick.run(graph.prompt)
        assert (run.end, says in run.error) == ("execution_error", True)
    except Rejected as refused:
        assert says in str(refused)
    assert quick_server.files() == before


def test_a_portrait_of_another_generator_is_refused(
    quick_server: ComfyServer, quick: ComfyClient, tmp_path: Path
) -> None:
    """A generator and a portrait that do not fit each other are told apart by both shapes, before a run."""
    other = quick_server.base / "models" / "itportrait" / "other.safetensors"
    save_generator(stand_ins.generator(width=12), other)
    graph = Graph(quick.nodes())
    _, somebody = person(graph)
    foreign = graph.add("GeneratorLoader", file="other.safetensors")
    graph.show(graph.add("Stylize", generator=foreign, portrait=somebody, steps=2)[2])
    before = quick_server.files()
    with pytest.raises(Rejected) as refused:
        quick.run(graph.prompt)
    assert "width 16" in str(refused.value) and "of 12" in str(refused.value)
    assert quick_server.files() == before


@pytest.mark.parametrize("damage", ["gone", "cut short", "something else"])
def test_a_missing_or_damaged_file_is_named(
    quick_server: ComfyServer, quick: ComfyClient, damage: str
) -> None:
    """A portrait file that vanishes or breaks after it was listed gives a message with its name."""
    file = quick_server.base / "output" / "itportrait" / "broken_00001.safetensors"
    graph = Graph(quick.nodes())
    graph.add("SavePortrait", portrait=person(graph)[1], name="broken")
    assert quick.run(graph.prompt).end == "execution_success"
    graph = Graph(quick.nodes())
    loaded = graph.add("LoadPortrait", file=file.name)
    graph.show(loaded[1])
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-40])
    elif damage == "something else":
        Image.new("RGB", (8, 8)).save(file, format="PNG")
    else:
        file.unlink()
    try:
        run = quick.run(graph.prompt)
        assert run.end == "execution_error"
        assert "broken_00001" in run.error
    except Rejected as refused:
        assert any("broken_00001" in error["details"] for error in refused.errors[loaded.id])
    finally:
        file.unlink(missing_ok=True)


def test_a_place_that_cannot_be_written_is_named(quick_server: ComfyServer, quick: ComfyClient) -> None:
    """Where results cannot be written, the message says where and what to check, after all the work."""
    blocked = quick_server.base / "output" / "itportrait" / "blocked"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where a folder should be")
    graph = Graph(quick.nodes())
    graph.add("SaveGenerator", generator=graph.add("GeneratorLoader"), name="blocked/style")
    run = quick.run(graph.prompt)
    blocked.unlink()
    assert run.end == "execution_error"
    assert "blocked" in run.error
