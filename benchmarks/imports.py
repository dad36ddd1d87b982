"""Which rooms import which, as a drawing: `python -m benchmarks.imports [--at REVISION] [--methods]`.

A room is a folder of the core, or the nodes; with `--methods`, a folder or file of `methods/`. The number on
an arrow counts pairs of files. What everything imports, errors and the base of settings, is left out.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
from collections import Counter
from collections.abc import Iterator

CORE = "itportrait_core"


def sources(revision: str) -> dict[str, str]:
    """Path -> text of all modules of the core and of the nodes, as committed."""
    listed = _git("ls-tree", "-r", "--name-only", revision, CORE, "nodes").splitlines()
    return {path: _git("show", f"{revision}:{path}") for path in listed if path.endswith(".py")}


def arrows(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(importing file, imported file), each pair once."""
    for path, text in files.items():
        package = path.split("/")[:-1]
        found = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
                for place in ([*base, alias.name] for alias in node.names):
                    found |= {_file(place, files), _file(place[:-1], files)}
        yield from ((path, other) for other in sorted(found - {"", path}))


def _file(parts: list[str], files: dict[str, str]) -> str:
    name = "/".join(part for part in parts if part)
    return next((path for path in (f"{name}.py", f"{name}/__init__.py") if path in files), "")


def room(path: str, inside: bool) -> str:
    """The room of a file, "" for what is left out: the ground floor, or what is not in `methods/`."""
    parts = path.removeprefix(f"{CORE}/").split("/")
    if inside:
        return parts[1].removesuffix(".py") if parts[0] == "methods" else ""
    return parts[0] if len(parts) > 1 else ""


def drawing(files: dict[str, str], inside: bool = False) -> str:
    """The rooms and their arrows as mermaid, and how many there are."""
    sizes = Counter(room(path, inside) for path in files)
    pairs = Counter((room(a, inside), room(b, inside)) for a, b in arrows(files))
    between = {(a, b): n for (a, b), n in sorted(pairs.items()) if a and b and a != b}
    lines = [f'    {_key(name)}["{name} ({count})"]' for name, count in sorted(sizes.items()) if name]
    lines += [f"    {_key(a)} -->|{n}| {_key(b)}" for (a, b), n in between.items()]
    rooms, files_between = len([name for name in sizes if name]), sum(between.values())
    counts = f"{rooms} rooms, {len(between)} arrows between them, {files_between} between their files"
    return "\n".join(["flowchart TD", *lines, "", counts])


def _key(name: str) -> str:
    return name.replace("/", "_").strip("_")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Print the drawing and what it counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", default="HEAD", help="a commit")
    parser.add_argument("--methods", action="store_true", help="the rooms of methods/")
    given = parser.parse_args()
    print(drawing(sources(given.at), given.methods))


if __name__ == "__main__":
    main()
