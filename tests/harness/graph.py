"""Write small API workflows in Python: nodes by name, links by node, defaults from the server."""

from __future__ import annotations

from typing import Any


class Graph:
    """A workflow that grows node by node.

    Args:
        definitions: the server's node definitions (`ComfyClient.nodes`): left-out inputs get their defaults.
    """

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.prompt: dict[str, dict[str, Any]] = {}

    def add(self, kind: str, **inputs: Any) -> Node:
        """Add a node, ours with or without `ITportrait_`. Inputs are values or outputs of other nodes."""
        kind = kind if kind in self.definitions else f"ITportrait_{kind}"
        groups = self.definitions[kind]["input"]
        given = {**groups.get("required", {}), **groups.get("optional", {})}
        values = {name: _default(spec) for name, spec in given.items() if _default(spec) is not None}
        values |= {name: value[0] if isinstance(value, Node) else value for name, value in inputs.items()}
        node = Node(str(len(self.prompt) + 1))
        self.prompt[node.id] = {"class_type": kind, "inputs": values}
        return node

    def show(self, image: Any) -> Node:
        """Preview an image, which makes everything before it run."""
        return self.add("PreviewImage", images=image)


class Node:
    """One node of a graph; `node[1]` is its second output, the node itself stands for its first."""

    def __init__(self, id: str) -> None:
        self.id = id

    def __getitem__(self, output: int) -> list[Any]:
        return [self.id, output]


def _default(spec: list[Any]) -> Any:
    """What the editor would put in: the default, or the first choice of a list."""
    options = spec[1] if len(spec) > 1 else {}
    if "default" in options:
        return options["default"]
    choices = spec[0] if isinstance(spec[0], list) else options.get("options")
    return choices[0] if choices else None
