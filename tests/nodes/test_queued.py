"""A queued graph is refused before it runs where its links cannot fit, and never where it cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness import stand_ins, workflows
from harness.graph import Graph, Node
from PIL import Image

from itportrait_core.checkpoints.format import save_generator

POINTS = "0.3,0.4 0.7,0.4 0.5,0.6 0.4,0.8 0.6,0.8"
CORE = {
    "EmptyImage": {"batch_size": 1},
    "RepeatImageBatch": {"amount": 1},
    "ImageScale": {},
    "ImageBatch": {},
    "LoadImage": {},
    "VAEDecode": {},
}
"""Core nodes of the graphs, and their defaults."""


@pytest.fixture
def graph(nodes: dict[str, Any]) -> Graph:
    """An empty graph of our nodes and a few of the core's."""
    core = {
        kind: {"input": {"required": {name: ["INT", {"default": value}] for name, value in given.items()}}}
        for kind, given in CORE.items()
    }
    return Graph({**nodes, **core})


@pytest.fixture
def judge(pack: ModuleType, graph: Graph) -> Callable[[Node], str]:
    """What is said against one node of the graph."""
    by_id = {node.GET_SCHEMA().node_id: node for node in pack.nodes.NODES}

    def judged(node: Node) -> str:
        request = {"prompt": graph.prompt}
        assert pack.nodes.queued.remember(request) is request
        return str(pack.nodes.queued.objection(by_id[graph.prompt[node.id]["class_type"]], node.id))

    return judged


@pytest.fixture
def foreign(pack: ModuleType) -> Iterator[str]:
    """A generator of another shape among the model files."""
    folder = Path(pack.nodes.folders.results_folder())
    file = folder / "another-shape.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_generator(stand_ins.generator(width=12), file)
    yield file.name
    file.unlink()


@pytest.fixture
def inputs(pack: ModuleType, tmp_path: Path) -> Iterator[Path]:
    """ComfyUI's input folder, empty."""
    import folder_paths

    before = folder_paths.get_input_directory()
    folder_paths.set_input_directory(str(tmp_path))
    yield tmp_path
    folder_paths.set_input_directory(before)


def two(graph: Graph) -> Node:
    return graph.add("RepeatImageBatch", image=graph.add("EmptyImage"), amount=2)


@pytest.mark.parametrize("kind", ["Align", "Inversion", "InstantStyle"])
def test_a_batch_is_refused_where_one_picture_is_wanted(
    graph: Graph, judge: Callable[[Node], str], kind: str
) -> None:
    """Also through nodes that change pictures one by one; it says which node the batch comes from."""
    through = graph.add("ImageScale", image=two(graph))
    said = judge(graph.add(kind, image=through))
    assert "batch of 2" in said and f"node {through.id} (ImageScale)" in said
    assert judge(graph.add(kind, image=graph.add("EmptyImage"))) == ""


def test_views_of_a_render_are_a_batch(graph: Graph, judge: Callable[[Node], str]) -> None:
    counts = {"single view": 1, "sweep": 4, "grid": 6}
    for path, count in counts.items():
        orbit = graph.add("CameraOrbit", path=path, views=4, columns=3, rows=2)
        drawn = graph.add("MultiViewRender", generator=graph.add("GeneratorLoader"), cameras=orbit)
        said = judge(graph.add("Align", image=drawn))
        assert (f"batch of {count}" in said) == (count > 1), path


def test_an_animated_file_is_a_batch(graph: Graph, judge: Callable[[Node], str], inputs: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(inputs / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(inputs / "still.png")
    assert "batch of 3" in judge(graph.add("Align", image=graph.add("LoadImage", image="moving.gif")))
    assert judge(graph.add("Align", image=graph.add("LoadImage", image="still.png"))) == ""
    assert judge(graph.add("Align", image=graph.add("LoadImage", image="gone.png"))) == ""


@pytest.mark.parametrize("kind", ["Align", "Inversion", "InstantStyle"])
def test_hidden_colours_of_a_cut_out_file_are_not_taken_for_the_picture(
    graph: Graph, judge: Callable[[Node], str], inputs: Path, kind: str
) -> None:
    """Load Image drops the opacity: without its mask, what was cut away would be seen again."""
    picture = Image.new("RGBA", (10, 10), (200, 10, 10, 255))
    picture.paste((10, 200, 10, 0), (0, 0, 10, 4))
    picture.save(inputs / "cut.png")
    picture.convert("P").save(inputs / "palette.gif", transparency=picture.convert("P").getpixel((0, 0)))
    for name in ("cut.png", "palette.gif"):
        loaded = graph.add("LoadImage", image=name)
        said = judge(graph.add(kind, image=graph.add("ImageScale", image=loaded)))
        assert "40% of it is transparent" in said and f"node {loaded.id} (LoadImage)" in said
        assert "Connect its MASK to 'mask'" in said
    masked = graph.add("LoadImage", image="cut.png")
    align = graph.add("Align", image=masked, mask=masked[1])
    assert judge(align) == judge(graph.add(kind, image=align)) == ""
    assert judge(graph.add(kind, image=masked)) == ""  # painted for something else: its owner knows of it


def test_a_picture_that_hides_nothing_passes(
    graph: Graph, judge: Callable[[Node], str], inputs: Path
) -> None:
    """Opaque throughout, soft at its edge alone, or no picture at all."""
    soft = Image.new("RGBA", (20, 20), (200, 10, 10, 255))
    soft.save(inputs / "opaque.png")
    soft.paste((0, 0, 0, 0), (0, 0, 2, 2))
    soft.save(inputs / "soft.png")
    (inputs / "words.png").write_text("no picture")
    for name in ("opaque.png", "soft.png", "words.png", "gone.png"):
        assert judge(graph.add("Align", image=graph.add("LoadImage", image=name))) == "", name


def test_what_the_graph_cannot_tell_is_left_to_the_run(graph: Graph, judge: Callable[[Node], str]) -> None:
    """Unknown nodes, links into nothing, circles."""
    assert judge(graph.add("Align", image=graph.add("VAEDecode"))) == ""
    assert judge(graph.add("Align", image=["999", 0])) == ""
    first = graph.add("ImageScale")
    second = graph.add("ImageScale", image=first)
    graph.prompt[first.id]["inputs"]["image"] = second[0]
    assert judge(graph.add("Align", image=second)) == ""
    unknown = graph.add("VAEDecode")
    assert judge(graph.add("Stylize", generator=unknown, portrait=unknown)) == ""
    base = graph.add("GeneratorLoader", file="not there.safetensors")
    assert judge(graph.add("Stylize", generator=base, portrait=unknown)) == ""


def test_a_person_of_another_generator_is_refused(
    graph: Graph, judge: Callable[[Node], str], foreign: str
) -> None:
    """Through trainings and joined portraits, before any of them runs; the two files are named."""
    base, other = graph.add("GeneratorLoader"), graph.add("GeneratorLoader", file=foreign)
    own, theirs = (graph.add("SamplePortrait", generator=one) for one in (base, other))
    style = graph.add("Stylize", generator=base, portrait=own)
    assert judge(style) == ""
    said = judge(graph.add("MultiViewRender", generator=style, portrait=theirs))
    assert foreign in said and "pocket (embedded)" in said and "'portrait'" in said
    joined = graph.add("JoinPortraits", first=own, second=theirs)
    assert foreign in judge(graph.add("Stylize", generator=base, portrait=joined))
    assert foreign in judge(graph.add("LiveHead", generator=style, portrait=own, portrait_2=theirs))
    assert judge(graph.add("MultiViewRender", generator=other, portrait=theirs)) == ""


def test_styles_of_another_base_are_refused(graph: Graph, judge: Callable[[Node], str], foreign: str) -> None:
    base, other = graph.add("GeneratorLoader"), graph.add("GeneratorLoader", file=foreign)
    own, theirs = (
        graph.add("Stylize", generator=one, portrait=graph.add("SamplePortrait", generator=one))
        for one in (base, other)
    )
    assert judge(graph.add("Blend", generator=base, style=own, second_style=own)) == ""
    said = judge(graph.add("Blend", generator=base, style=own, second_style=theirs))
    assert "'second_style'" in said and foreign in said


def test_an_instant_style_wants_an_untrained_generator(graph: Graph, judge: Callable[[Node], str]) -> None:
    base, picture = graph.add("GeneratorLoader"), graph.add("EmptyImage")
    person = graph.add("SamplePortrait", generator=base)
    fused = graph.add("Fuse", generator=base, portrait=person, mode="text_only")
    assert judge(graph.add("InstantStyle", generator=base, image=picture)) == ""
    assert judge(graph.add("InstantStyle", generator=fused[1], image=picture)) == ""  # passed on as it was
    for trained in (fused[0], graph.add("Stylize", generator=base, portrait=person)):
        assert "no style prior" in judge(graph.add("InstantStyle", generator=trained, image=picture))


@pytest.mark.parametrize(
    ("kind", "inputs", "says"),
    [
        ("Fuse", {"text": "  "}, "text is empty"),
        ("EditPortrait", {"text": ""}, "a text, or two examples"),
        ("SaveGenerator", {"precision": "difference"}, "needs its base"),
        ("SaveGenerator", {"name": "../outside"}, "no file name"),
        ("SavePortrait", {"name": ""}, "no file name"),
        ("SaveMesh", {"name": "C:\\head"}, "no file name"),
        ("MethodSettings", {"changes": '{"apt": {"bta": 1}}'}, "no setting 'bta'"),
        ("MethodSettings", {"changes": "beta = 7"}, "no JSON"),
        ("LiveHead", {"background": "sky"}, "is no colour"),
        ("ExportLiveHead", {"background": "#12"}, "is no colour"),
        ("Align", {"points": "0.3,0.4"}, "no five points"),
        ("Align", {"points": POINTS}, ""),
        ("SaveGenerator", {"name": "styles/mine"}, ""),
    ],
)
def test_what_was_typed_is_judged_before_the_work(
    graph: Graph, judge: Callable[[Node], str], kind: str, inputs: dict[str, str], says: str
) -> None:
    said = judge(graph.add(kind, **inputs))
    assert says in said and bool(said) == bool(says)


@pytest.mark.parametrize("name", workflows.names())
def test_nothing_is_said_against_the_templates(pack: ModuleType, nodes: dict[str, Any], name: str) -> None:
    """Every node of ours in every template passes, and so does one that comes with no graph."""
    workflow, queued = workflows.read(name), pack.nodes.queued
    kinds = {node.GET_SCHEMA().node_id: node for node in pack.nodes.NODES}
    prompt = _prompt(workflow, nodes)
    assert any(entry["class_type"] in kinds for entry in prompt.values())
    queued.remember({"prompt": prompt})
    for number, entry in prompt.items():
        if entry["class_type"] in kinds:
            assert queued.objection(kinds[entry["class_type"]], number) == "", entry
    queued.remember({"prompt": "no graph"})
    assert queued.objection(kinds["ITportrait_Fuse"], "1") == ""


def _prompt(workflow: dict[str, Any], nodes: dict[str, Any]) -> dict[str, Any]:
    """Links and texts of a workflow's graphs in API format; widgets by the order of the nodes' inputs."""
    prompt: dict[str, Any] = {}
    for graph in (workflow, *workflows.subgraphs(workflow).values()):
        links = {_link(link)[0]: list(_link(link)[1:3]) for link in graph["links"]}
        for node in graph["nodes"]:
            inputs = {
                slot["name"]: [str(links[slot["link"]][0]), links[slot["link"]][1]]
                for slot in node.get("inputs", ())
                if slot.get("link") in links
            }
            wanted = nodes.get(node["type"], {"input": {}})["input"]
            given = {**wanted.get("required", {}), **wanted.get("optional", {})}
            defaults = {key: spec[1]["default"] for key, spec in given.items() if "default" in spec[-1]}
            prompt[str(node["id"])] = {"class_type": node["type"], "inputs": {**defaults, **inputs}}
    return prompt


def _link(link: Any) -> tuple[int, int, int]:
    """Number, source and output of a link, in both notations of the editor."""
    if isinstance(link, dict):
        return link["id"], link["origin_id"], link["origin_slot"]
    return link[0], link[1], link[2]
