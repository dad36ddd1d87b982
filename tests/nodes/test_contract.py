"""What saved workflows rely on: ids, the order of widgets and outputs, views that are never stored.

`UPDATE_CONTRACT=1 pytest tests/nodes` writes new nodes and inputs into the snapshot and the English texts;
what would break saved workflows still fails.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from harness.environment import ROOT

SNAPSHOT = Path(__file__).with_name("node_ids.json")
INTRUSIONS = (
    r"https?://",
    r"window\.\w+\s*=|globalThis|\.prototype\.",
    r"document\.(body|head|addEventListener)",
    r"innerHTML|insertAdjacentHTML|\beval\(|new Function",
)
"""What no file of ours in the browser holds."""
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


def inputs(node: dict[str, Any]) -> dict[str, list[Any]]:
    """All inputs in the order in which the editor makes widgets of them."""
    return {**node["input"].get("required", {}), **node["input"].get("optional", {})}


def shape(node: dict[str, Any]) -> dict[str, list[str]]:
    """What saved workflows depend on: widgets and outputs by position, sockets by name."""
    given = inputs(node)
    widgets = [name for name, spec in given.items() if isinstance(spec[0], list) or spec[0] in WIDGETS]
    sockets = [f"{name}: {spec[0]}" for name, spec in given.items() if name not in widgets]
    outputs = [f"{name}: {kind}" for name, kind in zip(node["output_name"], node["output"], strict=True)]
    return {"widgets": widgets, "sockets": sorted(sockets), "outputs": outputs}


def test_nothing_that_workflows_use_was_renamed_removed_or_moved(nodes: dict[str, Any], update: bool) -> None:
    """Nodes stay; widgets and outputs are only ever appended; sockets keep their names and types."""
    now = {name: shape(node) for name, node in sorted(nodes.items())}
    known = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.is_file() else {}
    for name, then in known.items():
        assert name in now, f"{name} is gone"
        for part in ("widgets", "outputs"):
            assert now[name][part][: len(then[part])] == then[part], f"{part} of {name} moved"
        assert set(then["sockets"]) <= set(now[name]["sockets"]), f"a socket of {name} is gone"
    if update:
        SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    else:
        assert now == known, "something is new: run with UPDATE_CONTRACT=1"


def test_display_names_are_unique_and_lie_in_our_category(nodes: dict[str, Any]) -> None:
    shown = [node["display_name"] for node in nodes.values()]
    assert len(shown) == len(set(shown)) >= 15
    assert {node["category"] for node in nodes.values()} == {"ITportrait"}


def test_views_are_optional_socketless_and_last(nodes: dict[str, Any]) -> None:
    """A view must neither be stored nor queued, and must not come between widgets that are."""
    found = 0
    for name, node in nodes.items():
        names = list(inputs(node))
        for key, spec in node["input"].get("optional", {}).items():
            if str(spec[0]).endswith("_VIEW"):
                found += 1
                assert spec[1]["socketless"], name
                assert key == names[-1], name
        assert not any(str(spec[0]).endswith("_VIEW") for spec in node["input"].get("required", {}).values())
    assert found == 4


def test_lists_hold_their_defaults(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        for key, spec in inputs(node).items():
            choices = spec[1].get("options") if spec[0] == "COMBO" else None
            if choices is not None:
                assert choices, f"{name}.{key} offers nothing"
                assert spec[1].get("default", choices[0]) in choices, f"{name}.{key}"


def test_browser_files_fetch_nothing_and_leave_the_page_alone() -> None:
    """No address of another server, nothing global, no listener or element outside the views."""
    files = [file for ending in ("*.js", "*.mjs") for file in (ROOT / "web").glob(ending)]
    assert len(files) >= 10
    for file in files:
        source = file.read_text(encoding="utf-8")
        for trace in INTRUSIONS:
            assert not re.search(trace, source), f"{file.name} holds {trace}"


def test_search_finds_every_node() -> None:
    """0.3.75 does not send search aliases, so the source is read."""
    for file in (ROOT / "nodes").glob("*.py"):
        source = file.read_text(encoding="utf-8")
        if file.name != "compat.py":
            assert source.count("search_aliases=") == source.count("compat.schema("), file.name
