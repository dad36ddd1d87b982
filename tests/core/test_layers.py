"""The floors of docs/architecture.md: an import goes down or stays on its floor, and makes no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from harness.environment import ROOT

CORE = ROOT / "itportrait_core"
FLOORS = {
    "errors": 0, "config": 0, "old_names": 0, "networks": 1, "alignment": 1, "checkpoints": 2, "rendering": 2,
    "guidance": 2, "methods": 3, "pocket": 3, "recipes": 3, "live": 3, "farm": 4,
}  # fmt: skip
COMFYUI = {"comfy", "comfy_api", "comfyui_version", "folder_paths", "nodes", "server", "execution"}
"""Modules of ComfyUI, which the core knows nothing of."""
Imports = Iterator[tuple[tuple[str, ...], bool]]


def _imports(file: Path) -> Imports:
    """(parts of what is imported, whether it is needed when the file itself is) of one file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    at_load = {node for top in tree.body if not _only_for_types(top) for node in _outside_functions(top)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield tuple(name.name.split(".")), node in at_load
        elif isinstance(node, ast.ImportFrom):
            package = file.relative_to(ROOT).parent.parts
            home = package[: len(package) - node.level + 1] if node.level else ()
            base = (*home, *(node.module.split(".") if node.module else ()))
            for name in node.names:
                yield (*base, name.name), node in at_load


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


def test_the_core_imports_downwards_and_never_comfyui() -> None:
    """Networks know no methods, methods no nodes, and nothing in the core knows ComfyUI."""
    upward = []
    for file in sorted(CORE.rglob("*.py")):
        here = file.relative_to(CORE).parts
        floor = FLOORS.get(here[0].removesuffix(".py"), 4)  # __init__ and __main__ see everything
        for parts, _ in _imports(file):
            if parts[0] in COMFYUI:
                upward.append(f"{'/'.join(here)} imports {parts[0]}")
            if parts[:1] == ("itportrait_core",) and len(parts) > 1 and FLOORS.get(parts[1], 0) > floor:
                upward.append(f"{'/'.join(here)} imports {'.'.join(parts)}")
    assert upward == []


def test_imports_make_no_circle() -> None:
    """Every file of the core can be the first that is imported."""
    needs = {}
    for file in CORE.rglob("*.py"):
        found = {_file(parts) for parts, at_load in _imports(file) if at_load and parts[0] == CORE.name}
        needs[file] = {other for other in found if other is not None and other != file}
    while leaves := [file for file, others in needs.items() if not others & needs.keys()]:
        for file in leaves:
            del needs[file]
    assert sorted(str(file.relative_to(CORE)) for file in needs) == []


def test_rooms_of_methods_lean_on_few_others() -> None:
    """`methods/` is read room by room: arrows between rooms stay few, and `shared` needs no other room."""
    methods, arrows = CORE / "methods", set()
    for file in methods.rglob("*.py"):
        here = file.relative_to(methods).with_suffix("").parts[0]
        for parts, _ in _imports(file):
            if parts[:2] == (CORE.name, "methods") and len(parts) > 2 and parts[2] != here:
                arrows.add((here, parts[2]))
    assert len(arrows) <= 20, sorted(arrows)
    assert not [there for here, there in arrows if here == "shared"]


def _file(parts: tuple[str, ...]) -> Path | None:
    """The file that an import loads: a module, or a package where the last part is a name in it."""
    for end in (len(parts), len(parts) - 1):
        path = ROOT.joinpath(*parts[:end])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None
