"""A queued graph is looked through before it runs: what would fail after minutes of training is said at once.

ComfyUI validates a node by its own widgets; what comes over a link is None to it then. So the graph of a
request is remembered when it comes in, and every node looks where its own links lead. What the graph alone
cannot tell is left to the run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from comfy_api.latest import io

from ..itportrait_core.checkpoints.names import safe_name
from ..itportrait_core.errors import ITPortraitError
from . import graph_facts, prompt_server
from .graph_facts import Graph

ONE = "image"
"""Id of an input that wants one picture; batches go into `images`, `styles` and `people`."""
MASK = "mask"
"""Id of the input that says what of that picture is cut away."""
NAME = "name"
"""Id of the widget with a file's name."""
BASE = "generator"
"""Id of the input that everything else of a node must fit."""

_graph: ContextVar[Graph] = ContextVar("graph")  # a request is one task, which validates too


def register() -> None:
    """Remember every graph that comes in. Without a running server, as in a script, none does."""
    server = prompt_server.running()
    if server is not None:
        server.add_on_prompt_handler(remember)


def remember(request: dict[str, Any]) -> dict[str, Any]:
    """Keep the graph of a request for its validation; the request stays as it is."""
    graph = request.get("prompt")
    _graph.set(graph if isinstance(graph, dict) else {})
    return request


def guard(node: type[io.ComfyNode]) -> None:
    """Give a node the validation by the graph. Called once for each node; it needs the hidden `unique_id`.

    ComfyUI hands over the inputs that the signature names, does not check the ranges of those itself, and
    repeats an objection for each. So it names one: the text in `JUDGED` where a node has it, else a link.
    A node's own `refuse(inputs, graph)` says why its inputs cannot run, "" where they can.
    """
    inputs = inspect.signature(node.execute).parameters  # a schema lists files, and no folder is known yet
    asked = next((one for one in (getattr(node, "JUDGED", ""), ONE, BASE, NAME) if one in inputs), None)
    if asked is None:
        return

    def validate_inputs(cls: type[io.ComfyNode], **given: object) -> bool | str:
        return objection(cls, str(getattr(cls.hidden, "unique_id", None))) or True

    parameters = [
        inspect.Parameter("cls", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter(asked, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None),
    ]
    validate_inputs.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    node.validate_inputs = classmethod(validate_inputs)


def objection(node: type[io.ComfyNode], number: str) -> str:
    """Why a node of the remembered graph cannot run, in a sentence; empty where nothing speaks against it."""
    graph: Graph = _graph.get({})
    inputs = graph.get(number, {}).get("inputs", {})
    refuse = getattr(node, "refuse", None)
    own = str(refuse(inputs, graph)) if refuse and inputs else ""
    masked = MASK in inspect.signature(node.execute).parameters
    pictures = _batch(graph, inputs) or _hidden(graph, inputs, masked=masked)
    return own or pictures or _unfit(graph, inputs) or _file_name(inputs)


def _batch(graph: Graph, inputs: Mapping[str, Any]) -> str:
    count = graph_facts.pictures(graph, inputs.get(ONE)) or 1
    if count == 1:
        return ""
    source = inputs[ONE][0]
    return (
        f"One picture is wanted, but node {source} ({_title(graph, source)}) gives a batch of {count}."
        " Use 'ImageFromBatch' to pick one."
    )


def _hidden(graph: Graph, inputs: Mapping[str, Any], *, masked: bool) -> str:
    """A cut-out picture whose mask nobody takes; `masked`: whether the node could."""
    cut = None if graph_facts.is_link(inputs.get(MASK)) else graph_facts.cut_out(graph, inputs.get(ONE))
    if cut is None:
        return ""
    source, share = cut
    way = f"to {MASK!r}" if masked else f"to {MASK!r} of Align Portrait, and its picture here"
    return (
        f"The picture of node {source} ({_title(graph, source)}) is cut out: {share:.0%} of it is"
        " transparent, and the colours hidden there would be taken for the picture. Connect its MASK"
        f" {way}; where the whole picture is meant, save it without transparency."
    )


def _unfit(graph: Graph, inputs: Mapping[str, Any]) -> str:
    """A person, or another generator, that has another shape than the node's generator."""
    base = graph_facts.generator(graph, inputs.get(BASE))
    if base is None:
        return ""
    for name, value in inputs.items():
        if not graph_facts.is_link(value) or name == BASE:
            continue
        for person in graph_facts.people(graph, value):
            if person.shape != base.shape:
                return (
                    f"The portrait at {name!r} belongs to {person.name!r}, with {person.layers} latent layers"
                    f" of width {person.width}, but the generator is {base.name!r}, with {base.layers} of"
                    f" {base.width}; find the person with this generator, or load the one it was made with."
                )
        other = graph_facts.generator(graph, value)
        if other and (other.family, other.shape) != (base.family, base.shape):
            return (
                f"The generator at {name!r} goes back to {other.name!r}, but the base is {base.name!r}, which"
                " has another shape; use styles of one base."
            )
    return ""


def _file_name(inputs: Mapping[str, Any]) -> str:
    """Why a typed file name is none."""
    try:
        if isinstance(inputs.get(NAME), str):
            safe_name(inputs[NAME])
    except ITPortraitError as error:
        return str(error)
    return ""


def _title(graph: Graph, number: str) -> str:
    entry = graph.get(number, {})
    return str(entry.get("_meta", {}).get("title") or entry.get("class_type", "?"))
