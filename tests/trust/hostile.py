"""Workflows with wrong values: one node of ours, everything that it needs, and odd things in its inputs."""

from __future__ import annotations

import json
import random
from typing import Any

from harness.graph import Graph

from tests.trust.prompts import LEVEL, Prompt

ODD: list[Any] = [
    *(None, True, -1, 0, 2**63, 10**400, 1.5, 1e308, -1e308, "nan", "NaN", "inf", "1e999", "", " "),
    *(
        "x" * 5000,
        "../../x",
        "/etc/passwd",
        "C:\\x",
        "con",
        "x.",
        "\ud800",
        "\x00",
        "\u202e",
        "\u00b2",
        "\uff11",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        ["1"],
        ["1", 99],
        ["99", 0],
        ["2", 0],
        ["1", 0],
        [["1", 0]],
        ["1", -1],
        ["1", "0"],
    ),
    *(
        {"a": [1]},
        {"__value__": [1]},
        [1] * 2000,
        [[[[[[[[1]]]]]]]],
        "hf-hub:x/y",
        "local-dir:/etc",
        "0 0",
        "9" * 5000,
    ),
    *("{}", "[1]", '{"apt": {"steps": "many"}}', '{"apt": {"lr": NaN}}', '{"ite": {"apt": []}}', "[" * 3000),
    *(
        '{"apt": {"layers": {"a": 1}}}',
        '{"ite": {"view_yaws": []}}',
        '{"apt": {"betas": [2, 2]}}',
        '{"ite": 1e400}',
    ),
    *(
        "0.5,0.5 " * 5,
        "nan,nan " * 5,
        "1e308,1e308 " * 5,
        "#zzzzzz",
        "1-99999999",
        "1-\u00b2",
        "nan:nan",
        "a\n" * 2000,
    ),
]
"""Values in place of others; links among them."""
SETTINGS = {name: {"steps": 2} for name in ("inversion", "apt", "ite", "tuning")}
SMALL = {"steps": 2, "views": 2, "resolution": 32, "size": 64, "level": LEVEL}
"""What keeps a run short, where nothing odd stands there."""
OPTIONAL = 0.3
"""How often an input that may be left out is given."""


def hostile(definitions: dict[str, Any], dice: random.Random) -> tuple[Prompt, str]:
    """A prompt, and what it is about in a few words. Node 1 is a generator, node 2 a person."""
    graph = Graph(definitions)
    base = graph.add("GeneratorLoader")
    parts: dict[str, Any] = {
        "ITP_GENERATOR": base,
        "ITP_PORTRAIT": graph.add("SamplePortrait", generator=base),
    }
    kind = dice.choice([name for name in sorted(definitions) if name.startswith("ITportrait_")])
    spec = definitions[kind]["input"]
    needed, free = spec.get("required", {}), spec.get("optional", {})
    given: dict[str, Any] = {}
    for name, item in {**needed, **free}.items():
        wanted = item[0] if isinstance(item[0], str) else ""
        if name in needed or dice.random() < OPTIONAL:
            part = parts.get(wanted) or _made(graph, wanted, parts)
            given |= {name: part} if part is not None else {}
        if name in SMALL and name in {**needed, **free}:
            given[name] = SMALL[name]
    names = [*needed, *free]
    odd = {name: dice.choice(ODD) for name in dice.sample(names, min(len(names), dice.randint(1, 2)))}
    odd = {
        name: value for name, value in odd.items() if (name, value) != ("steps", 0)
    }  # 0 is no odd number of steps
    node = graph.add(kind, **{**given, **odd})
    if not definitions[kind]["output_node"]:
        graph.add("PreviewAny", source=node)
    return graph.prompt, f"{kind} {odd!r:.300}"


def _made(graph: Graph, wanted: str, parts: dict[str, Any]) -> Any:
    """An output of a type, by a node that is added to the graph; None for types that nothing gives."""
    base, person = parts["ITP_GENERATOR"], parts["ITP_PORTRAIT"]
    if wanted in ("MESH", "ITP_RECIPE"):
        mesh = graph.add("ExtractMesh", generator=base, portrait=person, resolution=32, level=LEVEL)
        return mesh if wanted == "MESH" else mesh[1]
    if wanted == "ITP_SETTINGS":
        return graph.add("MethodSettings", changes=json.dumps(SETTINGS))
    if wanted == "IMAGE":
        return graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0x336699)
    if wanted == "MASK":
        return graph.add("SolidMask", width=64, height=64, value=0.5)
    if wanted == "ITP_CAMERAS":
        return graph.add("CameraOrbit", path="single view")
    plain = {"ITP_PHOTO_PRIOR": "PhotoPriorLoader", "ITP_CLIP": "ClipLoader"}
    return graph.add(plain[wanted]) if wanted in plain else None
