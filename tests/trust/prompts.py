"""Prompts with every node of the pack, and what is never in a message of ours."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from harness.graph import Graph

Prompt = dict[str, dict[str, Any]]
RAW = (
    *("AttributeError", "KeyError", "TypeError", "IndexError", "RecursionError", "UnicodeEncodeError"),
    *("object has no", "unsupported operand", "must be real number", "not subscriptable", "list indices"),
    *("is not iterable", "NoneType", "not callable", "takes no", "positional argument", "keyword argument"),
    *("out of range for", "size mismatch", "must match the size", "Traceback", "Errno", "not JSON serial"),
)
"""Parts of messages that no person wrote for the reader."""
POINTS = "0.35,0.4 0.65,0.4 0.5,0.55 0.4,0.7 0.6,0.7"
LEVEL = 0.15
"""A density that untrained networks reach."""
TEXT, NAME = "zebrafish parade", "typedname"
"""What somebody typed."""


def everything(definitions: dict[str, Any], source: Path, portrait: Path) -> Prompt:
    """A prompt in which each node works; Instant Style, which needs the embedded weights, is in `instant`.

    Args:
        definitions: of the server.
        source: a foreign checkpoint below its model folders.
        portrait: a saved person there.
    """
    graph = Graph(definitions)
    base, picture, clip = graph.add("GeneratorLoader"), graph.add("ExamplePicture"), graph.add("ClipLoader")
    aligned = graph.add("Align", image=picture, points=POINTS, size=256)
    prior = graph.add("PhotoPriorLoader")
    found = graph.add(
        "Inversion", generator=base, photo_prior=prior, image=aligned, alignment=aligned[1], steps=1
    )
    person = graph.add("SamplePortrait", generator=base, seed=3)
    loaded = graph.add("LoadPortrait", file=portrait.name)
    both = graph.add("JoinPortraits", first=found, second=loaded)
    graph.add("SavePortrait", portrait=found, name=NAME)
    tuned = graph.add("PivotalTuning", generator=base, portrait=found, steps=1)
    settings = graph.add("MethodSettings", changes='{"apt": {"steps": 1}}')
    style = graph.add("Stylize", generator=tuned, portrait=both, steps=1, settings=settings, clip=clip)
    fused = graph.add(
        "Fuse", generator=tuned, portrait=found, clip=clip, text=TEXT, steps=2, views=2, content=person
    )
    edited = graph.add("EditPortrait", generator=tuned, text=TEXT, clip=clip)
    orbit = graph.add("CameraOrbit", path="single view")
    painted = graph.add("SolidMask", value=1.0, width=64, height=64)
    region = graph.add("LiftRegion", generator=tuned, portrait=found, mask=painted, cameras=orbit)
    blend = graph.add(
        "Blend", generator=tuned, style=style, second_style=fused[1], third_style=edited, region=region
    )
    graph.add("SaveGenerator", generator=blend, name=NAME)
    views = graph.add("MultiViewRender", generator=blend, portrait=found, cameras=orbit)
    graph.add("SavePictures", images=views, recipe=views[7], name=NAME)
    graph.add("LiveHead", generator=tuned, generator_2=fused, portrait=found, portrait_2=loaded)
    graph.add("ExportLiveHead", generator=tuned, generator_2=fused, portrait=found, name=NAME)
    graph.add("SaveJobSheet", generator=base, styles=picture, texts=TEXT, portrait=person, name=NAME)
    mesh = graph.add("ExtractMesh", generator=base, portrait=person, resolution=32, level=LEVEL)
    graph.add("SaveMesh", mesh=mesh, recipe=mesh[1], name=NAME)
    graph.add("SaveSplats", generator=base, portrait=person, resolution=32, name=NAME)
    graph.add("PreviewAny", source=graph.add("ImportCheckpoint", file=source.name))
    return graph.prompt


def instant(definitions: dict[str, Any]) -> Prompt:
    """A prompt with Instant Style."""
    graph = Graph(definitions)
    base, picture = graph.add("GeneratorLoader"), graph.add("ExamplePicture")
    style = graph.add("InstantStyle", generator=base, image=picture)
    graph.show(graph.add("MultiViewRender", generator=style))
    return graph.prompt


def muted(prompt: Prompt, kind: str) -> Prompt:
    """The prompt that the editor sends when the nodes of a kind are muted: they and their links are gone."""
    gone = {node for node, entry in prompt.items() if entry["class_type"] == kind}
    rest = copy.deepcopy({node: entry for node, entry in prompt.items() if node not in gone})
    for entry in rest.values():
        entry["inputs"] = {
            name: value
            for name, value in entry["inputs"].items()
            if not (_is_link(value) and value[0] in gone)
        }
    return rest


def bypassed(prompt: Prompt, kind: str, definitions: dict[str, Any]) -> Prompt:
    """As `muted`, but what comes in goes on where a type fits."""
    nodes = {node: entry for node, entry in prompt.items() if entry["class_type"] == kind}
    through: dict[tuple[str, int], Any] = {}
    for node, entry in nodes.items():
        links = [value for value in entry["inputs"].values() if _is_link(value)]
        for index, wanted in enumerate(definitions[kind]["output"]):
            for link in links:
                if definitions[prompt[link[0]]["class_type"]]["output"][link[1]] == wanted:
                    through.setdefault((node, index), link)
    rest = copy.deepcopy(prompt)
    for entry in rest.values():
        for name, value in entry["inputs"].items():
            if _is_link(value) and tuple(value) in through:
                entry["inputs"][name] = through[value[0], value[1]]
    return muted(rest, kind)


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
