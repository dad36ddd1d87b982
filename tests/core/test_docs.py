"""Documents and sources agree: what is cited exists, under the heading that is named."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from harness.environment import ROOT

FOLDERS = ("itportrait_core", "nodes", "web", "benchmarks", "tests", "docs", ".github", ".ci", "locales")
ENDINGS = {".py", ".js", ".mjs", ".md", ".json", ".toml", ".yml", ".yaml"}
CITATION = re.compile(r"(?<![\w/])((?:docs/[\w/-]+|CONTRIBUTING|README|CHANGELOG)\.md)(?:#([\w-]+))?")
FOREIGN = re.compile(
    r"\bmethods(?:\s+sections?)?\s+\d|\bspec(?:/|\s+(?:methods|eg3d|comfyui|assets)\b)|(?<![\w/])design/\w"
    r"|\b(?:methods|assets|eg3d|comfyui)\.md\s+section|\beg3d\.md\s+\d"
)
"""How texts outside this repository used to be cited."""
PATH = re.compile(r"`([\w./-]+\.(?:py|mjs|js|json|csv|md|safetensors))(?:#[\w-]+)?`")
FOLDER = re.compile(r"`((?:itportrait_core|nodes|web|benchmarks|tests|docs|example_workflows)/[\w/-]*)`")
PLACEHOLDER = re.compile("NAME|METHOD")
"""In a path: what the reader fills in."""
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)


def _files() -> list[Path]:
    inside = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in ENDINGS]
    return sorted([*inside, *(file for file in ROOT.iterdir() if file.suffix in ENDINGS)])


def _documents() -> list[Path]:
    return [file for file in _files() if file.suffix == ".md" and "web" not in file.parts]


@cache
def _headings(file: Path) -> set[str]:
    """Headings of a document, as the anchors that its readers link to."""
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


@cache
def _names() -> list[str]:
    return [_named(file) for file in ROOT.rglob("*") if not {".git", ".venv", ".cache"} & set(file.parts)]


def _named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_every_citation_leads_to_a_heading() -> None:
    """A reader who follows `docs/method.md#gate` finds that page and that section."""
    cited, broken = 0, []
    for file in _files():
        if file == Path(__file__):
            continue
        for page, heading in CITATION.findall(file.read_text(encoding="utf-8")):
            cited += 1
            if not (ROOT / page).is_file():
                broken.append(f"{_named(file)}: there is no {page}")
            elif heading and heading not in _headings(ROOT / page):
                broken.append(f"{_named(file)}: {page} has no heading {heading}")
    assert broken == []
    assert cited > 100, "the pattern of citations has changed"


def test_nothing_outside_the_repository_is_cited() -> None:
    """A section number of a text that readers do not have tells them nothing."""
    found = [
        f"{_named(file)}: {match.group()}"
        for file in _files()
        if file != Path(__file__)
        for match in FOREIGN.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("document", _documents(), ids=_named)
def test_paths_and_links_of_a_document_exist(document: Path) -> None:
    """Files that a document names (whole or by their last parts), pages and sections that it links to."""
    text = document.read_text(encoding="utf-8")
    named = [path for path in PATH.findall(text) if not PLACEHOLDER.search(path)]
    lacking = [path for path in named if not any(f"/{name}".endswith(f"/{path}") for name in _names())]
    lacking += [
        folder
        for folder in FOLDER.findall(text)
        if not PLACEHOLDER.search(folder) and not list(ROOT.glob(f"{folder.rstrip('/')}*"))
    ]
    for link in LINK.findall(text):
        target, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        page = (document.parent / unquote(target)).resolve() if target else document
        if not page.exists() or (heading and heading not in _headings(page)):
            lacking.append(link)
    assert lacking == []


def test_the_first_page_stays_short_and_leads_everywhere() -> None:
    """At most 150 lines, the first of them a picture; every page of docs/ is linked from there or from one
    of the pages that are."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    assert readme.splitlines()[2].startswith("![")
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or not page.is_file():
            continue
        reached.add(page)
        text = page.read_text(encoding="utf-8")
        links = [(page.parent / link.split("#")[0]).resolve() for link in LINK.findall(text)]
        links += [ROOT / name for name, _ in CITATION.findall(text)]
        for link in links:
            todo += sorted(link.glob("*.md")) if link.is_dir() else [link] if link.suffix == ".md" else []
    assert {_named(file) for file in (ROOT / "docs").rglob("*.md")} - {
        _named(page) for page in reached
    } == set()


@pytest.mark.parametrize(
    "words",
    [
        "see methods 2.3",
        "(spec/eg3d.md section 7)",
        "spec methods 4",
        "(methods section 2.5)",
        "design/style.md",
    ],
)
def test_old_ways_of_citing_are_recognised(words: str) -> None:
    """The pattern of the test above does not pass over what it is for."""
    assert FOREIGN.search(words)
