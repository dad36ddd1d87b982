"""The field's language: no identifier of the old vocabulary (tests/data/vocabulary.json) is left."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD: dict[str, str] = json.loads((ROOT / "tests/data/vocabulary.json").read_text(encoding="utf-8"))["names"]
FILES = sorted([*(ROOT / "itportrait_core").rglob("*.py"), *(ROOT / "nodes").glob("*.py")])
GENERATOR = "torch.Generator"


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a file gives or uses, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, node.lineno


def generators(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that hold a source of random numbers: by annotation, or by what is assigned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            kinds = ast.unparse(node.annotation).split(" | ")
            if GENERATOR in kinds:
                yield node.arg, node.lineno
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(f"{GENERATOR}("):
            for target in node.targets:
                yield ast.unparse(target).split(".")[-1].lstrip("_"), node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_identifier_of_the_old_vocabulary_is_left(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    wrong = [f"line {line}: {name} -> {OLD[name]}" for name, line in identifiers(tree) if name in OLD]
    assert not wrong
    unnamed = [
        f"line {line}: {name} -> rng" for name, line in generators(tree) if name.split("_")[-1] != "rng"
    ]
    assert not unnamed


def test_the_check_finds_what_it_looks_for():
    tree = ast.parse(
        "def f(dice: torch.Generator | None, *, seen=1):\n    g = torch.Generator().manual_seed(1)\n"
    )
    assert {name for name, _ in identifiers(tree) if name in OLD} == {"dice", "seen"}
    assert {name for name, _ in generators(tree)} == {"dice", "g"}
