"""Which names of ComfyUI the nodes use, and which of them a ComfyUI source tree lacks.

Nothing of ComfyUI is imported: `python tests/harness/comfy_names.py FOLDER` checks a version by its sources.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "data" / "comfy_names.json"
OUTSIDE = ("comfy", "comfy_api", "comfy_execution", "folder_paths", "server", "execution")
"""Top modules of ComfyUI."""
WHERE = {
    "comfy_api.latest.io": "comfy_api/latest/_io.py",
    "comfy_api.latest.ui": "comfy_api/latest/_ui.py",
    "comfy_api.latest": "comfy_api/latest/__init__.py",
}
"""Modules that bear another name than their file."""
NEWER = {"comfy_api.latest.Types.SPLAT", "comfy_api.latest.Types.File3D"}
"""Names that 0.3.75 lacks; the nodes ask before they use them."""


def used() -> list[str]:
    """Dotted names of ComfyUI in the nodes, sorted."""
    files = sorted((ROOT / "nodes").glob("*.py"))
    return sorted({name for file in files for name in _used_in(ast.parse(file.read_text(encoding="utf-8")))})


def missing(tree: Path) -> list[str]:
    """Names of the snapshot that a ComfyUI source tree does not define."""
    return [name for name in json.loads(SNAPSHOT.read_text(encoding="utf-8")) if not _defines(tree, name)]


def _used_in(module: ast.Module) -> Iterator[str]:
    known: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for item in node.names:
                name = item.name if item.asname else item.name.split(".")[0]
                known[item.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
    known = {name: path for name, path in known.items() if path.split(".")[0] in OUTSIDE}
    inner = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    for node in ast.walk(module):
        if id(node) not in inner and (path := _dotted(node)) and path.split(".")[0] in known:
            first, _, rest = path.partition(".")
            yield ".".join(filter(None, (known[first], rest)))


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _defines(tree: Path, name: str) -> bool:
    """Whether the longest module of a dotted name exists and defines what comes after it."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = ".".join(parts[:end])
        file = tree / WHERE.get(path, path.replace(".", "/") + ".py")
        if file.is_file():
            return set(parts[end:]) <= _names(ast.parse(file.read_text(encoding="utf-8")))
    return False


def _names(module: ast.Module) -> set[str]:
    """Every name that is defined anywhere in a module: functions, classes, variables, attributes, imports."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and str(node.value).startswith("--"):
            found.add(str(node.value)[2:].replace("-", "_"))  # an option of the command line
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
    return found


if __name__ == "__main__":
    lacking = missing(Path(sys.argv[1]))
    print("\n".join(lacking) or "every name is there")
    raise SystemExit(bool(set(lacking) - NEWER))
