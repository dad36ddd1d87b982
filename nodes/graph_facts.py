"""What a graph tells before it runs: how many pictures a link brings, which generator a person belongs to.

A graph is a prompt in API format, node id -> `{"class_type", "inputs"}`, a link being `[node id, output]`.
None stands for what cannot be told without running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from ..itportrait_core.errors import ITPortraitError
from . import folders, input_pictures
from .model_files import EMBEDDED, STYLE, kind, locate

Graph = Mapping[str, Mapping[str, Any]]

OURS = "ITportrait_"
TRAINED = ("Stylize", "Fuse", "PivotalTuning", "InstantStyle")
"""Nodes whose generator has other weights than the one that they are given."""
CHANGED = (*TRAINED, "Blend", "EditPortrait")
"""Nodes whose generator has the shape of the one that they are given."""
PEOPLE = ("Inversion", "SamplePortrait")
ONE_PICTURE = ("Align", "ExamplePicture", "Inversion", "SamplePortrait")
PASSED_ON = {
    "ImageScale": "image",
    "ImageScaleBy": "image",
    "ImageScaleToTotalPixels": "image",
    "ImageCrop": "image",
    "ImageSharpen": "image",
    "ImageBlur": "image",
    "ImageInvert": "image",
    "ImagePadForOutpaint": "image",
    "ImageUpscaleWithModel": "image",
}
"""Core nodes that give as many pictures as they are given, and their input."""
LOADERS = ("LoadImage", "LoadImageOutput")
"""Core nodes that open a picture file: a picture without its opacity, and a mask of what is cut away."""
SEEN_THROUGH = 0.01
"""Share of a picture above which it is cut out, not merely soft at its edge."""
DEEPEST = 200
"""Links that are followed; a longer way is a circle."""


@dataclass(frozen=True)
class Origin:
    """The file that a generator or a person goes back to.

    Attributes:
        name: as a loader lists it.
        family: of a generator; "" for a person from a file.
        layers: latents of a person.
        width: of each.
        trained: whether the weights have changed since.
    """

    name: str
    family: str
    layers: int
    width: int
    trained: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and width: what a person and a generator must have in common."""
        return self.layers, self.width


def is_link(value: object) -> TypeGuard[list[Any]]:
    """Whether an input's value is a link to another node."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _node(graph: Graph, link: object) -> tuple[str, Mapping[str, Any]]:
    """Kind, without our prefix, and inputs of the node that a link comes from; "" where there is none."""
    entry = graph.get(link[0], {}) if is_link(link) else {}
    return str(entry.get("class_type", "")).removeprefix(OURS), entry.get("inputs", {})


def generator(graph: Graph, link: object, deep: int = 0) -> Origin | None:
    """Where the generator of a link comes from."""
    what, inputs = _node(graph, link)
    if deep > DEEPEST:
        return None
    if what == "GeneratorLoader":
        path = _located(inputs.get("file"))
        if path is None:
            return None
        if kind(path) != STYLE:
            return _of_file(path, str(inputs["file"]))
        base = inputs.get("base")
        origin = (
            generator(graph, base, deep + 1) if base else _of_file(locate(EMBEDDED, "generator"), EMBEDDED)
        )
        return origin and replace(origin, trained=True)
    if what in CHANGED:
        origin = generator(graph, inputs.get("generator"), deep + 1)
        passed_on = what == "Fuse" and is_link(link) and link[1] == 1 and inputs.get("mode") == "text_only"
        return origin and replace(origin, trained=origin.trained or (what in TRAINED and not passed_on))
    return None


def people(graph: Graph, link: object, deep: int = 0) -> list[Origin]:
    """Where the people of a link come from, as far as that can be told."""
    what, inputs = _node(graph, link)
    if deep > DEEPEST:
        return []
    if what in PEOPLE:
        origin = generator(graph, inputs.get("generator"))
        return [origin] if origin else []
    if what == "LoadPortrait":
        origin = _of_portrait(inputs.get("file"))
        return [origin] if origin else []
    if what == "JoinPortraits":
        return [one for value in inputs.values() for one in people(graph, value, deep + 1)]
    return []


def pictures(graph: Graph, link: object, deep: int = 0) -> int | None:
    """How many pictures a link brings, at least."""
    what, inputs = _node(graph, link)
    if deep > DEEPEST:
        return None
    if what in ONE_PICTURE:
        return 1
    if what in PASSED_ON:
        return pictures(graph, inputs.get(PASSED_ON[what]), deep + 1)
    if what in LOADERS:
        return input_pictures.frames(inputs.get("image"))
    if what == "EmptyImage":
        return _number(inputs.get("batch_size"))
    if what == "RepeatImageBatch":
        once = pictures(graph, inputs.get("image"), deep + 1) or 1
        times = _number(inputs.get("amount"))
        return times and once * times
    if what == "ImageBatch":
        both = (pictures(graph, inputs.get(name), deep + 1) or 1 for name in ("image1", "image2"))
        return sum(both)
    if what == "MultiViewRender":
        return _views(graph, inputs) if is_link(link) and link[1] != 1 else None
    return None


def cut_out(graph: Graph, link: object, deep: int = 0) -> tuple[str, float] | None:
    """The loader of a picture with hidden colours, and the share that is cut away.

    Load Image gives the colours of a cut-out file, also where nobody was meant to see them. None where
    nothing is hidden, where somebody takes the loader's mask and so knows of it, and where it cannot be told.
    """
    what, inputs = _node(graph, link)
    if deep > DEEPEST or not is_link(link):
        return None
    if what in PASSED_ON:
        return cut_out(graph, inputs.get(PASSED_ON[what]), deep + 1)
    if what not in LOADERS or link[1] != 0:
        return None
    if any([link[0], 1] in entry.get("inputs", {}).values() for entry in graph.values()):
        return None
    share = input_pictures.cut_away(inputs.get("image"))
    return (link[0], share) if share > SEEN_THROUGH else None


def _views(graph: Graph, inputs: Mapping[str, Any]) -> int | None:
    """How many views a Multi-View Render draws."""
    if is_link(inputs.get("camera_info")) or "cameras" not in inputs:
        return 1
    what, camera = _node(graph, inputs["cameras"])
    if what != "CameraOrbit" or is_link(camera.get("camera_info")):
        return None
    path = camera.get("path")
    if path == "grid":
        columns, rows = (_number(camera.get(name)) for name in ("columns", "rows"))
        return columns and rows and columns * rows
    return 1 if path == "single view" else _number(camera.get("views"))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _located(name: object) -> Path | None:
    try:
        return locate(name, "generator") if isinstance(name, str) else None
    except ITPortraitError:  # a vanished file is named by its loader
        return None


def _of_file(path: Path, name: str) -> Origin | None:
    from ..itportrait_core.checkpoints.format import read_header
    from ..itportrait_core.networks.stylegan2_layers import count_ws

    try:
        header = read_header(path)
        layers, width = count_ws(int(header.config["backbone_resolution"])), int(header.config["w_dim"])
    except (ITPortraitError, KeyError, TypeError, ValueError):  # its loader says what is wrong with it
        return None
    return Origin(name, str(header.config.get("kind", header.family)), layers, width)


def _of_portrait(name: object) -> Origin | None:
    from ..itportrait_core.checkpoints.tensor_file import open_tensors

    try:
        with open_tensors(folders.model(str(name))) as file:
            _, layers, width = file.shape("ws")
    except (ITPortraitError, KeyError, OSError, ValueError):
        return None
    return Origin(str(name), "", layers, width)
