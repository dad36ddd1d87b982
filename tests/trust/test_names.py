"""Names and texts from workflows: none leads out, none reaches the network."""

from __future__ import annotations

import importlib
import json
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness.environment import ROOT

from tests.trust.counts import count, tally

STEMS = (
    *("x", "../x", "../../x", "a/../../x", "/tmp/itp-x", "~/x", "./../x", "C:\\x", "C:/x"),
    *("\\\\host\\share\\x", "..\\x", "a\\..\\..\\x", "file:///tmp/x", "\x00x", "a\nx"),
)
ENDINGS = ("", "/", ".safetensors", ".pkl", "\x00", " ", "%2e%2e/x")
PATHS = [stem + ending for stem in STEMS for ending in ENDINGS]
URLS = (
    "hf-hub:someone/clip",
    "https://example.org/x",
    "local-dir:/etc",
    "//example.org/x",
    "ftp://x/y",
    "git+ssh://x",
)


def texts(pack: ModuleType) -> list[tuple[Any, Any]]:
    """Every input of every node that takes a text or a name."""
    from comfy_api.latest import io

    nodes = importlib.import_module(f"{pack.__name__}.nodes").NODES
    kinds = (io.String.Input, io.Combo.Input)
    return [(node, item) for node in nodes for item in node.define_schema().inputs if isinstance(item, kinds)]


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*")} if folder.exists() else set()


def call(node: Any, item: Any, value: str) -> str:
    """Run a node with one text and nothing else that is missing; returns the error."""
    import inspect

    defaults = {
        i.id: i.default for i in node.define_schema().inputs if getattr(i, "default", None) is not None
    }
    wanted = inspect.signature(node.execute).parameters
    given = {name: value for name, value in defaults.items() if name in wanted}
    try:
        node.execute(**{**given, item.id: value})
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_path_strings_lead_nowhere(pack: ModuleType, output: Path) -> None:
    """Every string input of every node, and the names of saved files: nothing appears outside the results."""
    folders = importlib.import_module(f"{pack.__name__}.nodes.folders")
    assert len(PATHS) == 105
    with tally("path strings") as line:
        outside = files(output.parent) - files(output / "itportrait")
        for path in PATHS[: count("path strings")]:
            for node, item in texts(pack):
                call(node, item, path)
            try:
                with folders.new(path, ".bin") as place:
                    place.draft.write_bytes(b"x")
                if not place.path.is_relative_to(output / "itportrait") or ".." in place.path.parts:
                    line.failures.append(f"{path!r} -> {place.path}")
            except ValueError:
                pass
            line.done += 1
        new = files(output.parent) - outside - files(output / "itportrait") - {output / "itportrait"}
        line.failures += [str(path) for path in new if path != output]


def test_no_text_reaches_the_network(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets are closed and counted while every text input of every node gets addresses."""
    tried: list[str] = []

    def refuse(*arguments: Any, **named: Any) -> Any:
        tried.append(repr(arguments)[:100])
        raise OSError("no network here")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    with tally("offline: text inputs") as line:
        for node, item in texts(pack):
            for url in URLS:
                call(node, item, url)
                line.done += 1
        line.failures += tried


def test_the_strings_of_the_browser_tests_are_many() -> None:
    """tests/web/test_hostile_strings.py types each into every text widget, in Chromium."""
    assert len(json.loads((ROOT / "tests" / "web" / "hostile.json").read_text(encoding="utf-8"))) >= 60
