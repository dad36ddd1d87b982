"""A digest over the sources that decide what a training ends in: another method, another name for its result.

It is taken over everything that the method's module imports from this package, and over the networks, as
syntax trees: comments, docstrings, blank lines and line breaks do not count, and every version of Python
finds the same. It is never stored: each process computes it once, from the very sources that its own import
system would load, so it cannot disagree with an installed pack. Where only compiled code is installed, that
is taken instead. The weights that methods use without being told (the perceptual trunk, the guiding CLIP)
count by their bytes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
from collections.abc import Iterator
from functools import cache
from types import CodeType

from ...checkpoints import embedded
from ...errors import ITPortraitError
from ...networks import families

ROOT = __package__.rpartition(".methods")[0]
"""Name of the core package, whatever it is installed in."""
ENTRIES = {
    "invert": "methods.inversion.invert",
    "apt": "methods.stylize.apt",
    "instant": "methods.style.instant",
    "couple": "methods.couple.couple",
    "tune": "methods.tuning.tune",
    "blend": "methods.style.blend",
    "edit": "methods.style.edit_portrait",
    "relevance": "methods.style.relevance",
    "colours": "methods.style.keep_colours",
    "region": "methods.shared.region",
    "style": "methods.style.style_file",
    "render": "rendering.views",
}
"""Method -> module, below the core package, that runs it."""
NETWORKS = (*families.NAMES, "stylegan2", "encoders", "pose", "arcface", "style_prior")
"""Modules of `networks` that files name: they are imported by name, which no syntax tree shows."""
SILENT_WEIGHTS = ("perceptual", "clip_guide", "style_prior")
_UNSEEN = {"ctx", "kind", "type_comment", "type_ignores"}
"""Fields of syntax trees that say nothing about what is computed."""


@cache
def code_digest(method: str) -> str:
    """Twelve hexadecimal digits that change with the code of a method.

    Args:
        method: one of `ENTRIES`.
    """
    digest = hashlib.sha256()
    roots = [f"{ROOT}.{ENTRIES[method]}", *(f"{ROOT}.networks.{name}" for name in NETWORKS)]
    for name in sorted(_closure(roots)):
        digest.update(f"{name.removeprefix(ROOT)}\n{_module_digest(name)}\n".encode())
    for name in SILENT_WEIGHTS:
        digest.update(_weights_digest(name).encode())
    return digest.hexdigest()[:12]


def source_digest(source: str) -> str:
    """SHA-256 of a module's syntax tree, without comments, docstrings and layout."""
    digest = hashlib.sha256()
    for part in _canonical(ast.parse(source)):
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _canonical(node: object) -> Iterator[str]:
    """A tree as text. Empty fields are left out: each version of Python adds some."""
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name in node._fields:
            value = getattr(node, name, None)
            if name not in _UNSEEN and value is not None and value != []:
                yield f" {name}="
                yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _is_text(item):
                yield from _canonical(item)
        yield "]"
    else:
        yield repr(node)


def _is_text(node: object) -> bool:
    """Whether a statement is a docstring, of whatever kind."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _closure(roots: list[str]) -> set[str]:
    """Names of the modules of this package that `roots` import, directly or not, themselves included."""
    names, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in names and _spec(name) is not None:
            names.add(name)
            waiting += _imports(name)
    return names


@cache
def _imports(name: str) -> list[str]:
    """What a module may import from this package; names that are no modules fall out later."""
    source, spec = _source(name), _spec(name)
    if source is None or spec is None:
        return []
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    out = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            out += [home, *(f"{home}.{alias.name}" for alias in node.names)]
    return [home for home in out if home.startswith(f"{ROOT}.")]


@cache
def _module_digest(name: str) -> str:
    source = _source(name)
    if source is not None:
        return source_digest(source)
    spec = _spec(name)
    code = spec.loader.get_code(name) if spec and spec.loader else None  # type: ignore[attr-defined]
    if code is None:
        raise ITPortraitError(f"Neither source nor compiled code of {name} is there; install the pack anew.")
    return hashlib.sha256(_compiled(code)).hexdigest()


def _compiled(code: CodeType) -> bytes:
    """Instructions, names and constants of compiled code, with all that is nested in it."""
    inner = [
        _compiled(part) if isinstance(part, CodeType) else repr(part).encode() for part in code.co_consts
    ]
    return b"\n".join([code.co_code, repr(code.co_names).encode(), *inner])


def _source(name: str) -> str | None:
    spec = _spec(name)
    try:
        return spec.loader.get_source(name) if spec and spec.loader else None  # type: ignore[attr-defined]
    except OSError:
        return None


@cache
def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module of this package lies, None for a name that is none. Imports nothing."""
    if name == ROOT:
        return importlib.util.find_spec(name)
    parent = _spec(name.rpartition(".")[0])
    if parent is None or parent.submodule_search_locations is None:
        return None
    return importlib.machinery.PathFinder.find_spec(name, list(parent.submodule_search_locations))


@cache
def _weights_digest(name: str) -> str:
    try:
        return hashlib.sha256(embedded.path(name).read_bytes()).hexdigest()
    except ITPortraitError:
        return "absent"
