"""Help pages and translations: complete for every node, and nothing in them about nodes that are gone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from harness.environment import ROOT

LOCALES = ROOT / "locales"
LANGUAGES = ("en", "zh", "ja")
DOCS = ROOT / "web" / "docs"


def read(language: str, name: str) -> dict[str, Any]:
    return dict(json.loads((LOCALES / language / f"{name}.json").read_text(encoding="utf-8")))


def english(nodes: dict[str, Any]) -> dict[str, Any]:
    """The English texts: what the nodes themselves say, with labels free of underscores."""
    return {name: _texts(node) for name, node in sorted(nodes.items())}


def _texts(node: dict[str, Any]) -> dict[str, Any]:
    given = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
    tips = node.get("output_tooltips") or [""] * len(node["output"])
    return {
        "display_name": node["display_name"],
        "description": node["description"],
        "inputs": {
            key: {
                "name": spec[1].get("display_name") or key.replace("_", " "),
                "tooltip": spec[1]["tooltip"],
            }
            for key, spec in given.items()
        },
        "outputs": {
            str(i): {"name": name.replace("_", " "), "tooltip": tip}
            for i, (name, tip) in enumerate(zip(node["output_name"], tips, strict=True))
        },
    }


def test_english_texts_are_the_nodes_own(nodes: dict[str, Any], update: bool) -> None:
    wanted = english(nodes)
    if update:
        file = LOCALES / "en" / "nodeDefs.json"
        file.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    assert read("en", "nodeDefs") == wanted, "texts changed: run with UPDATE_CONTRACT=1, then translate"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(nodes: dict[str, Any], language: str) -> None:
    """Same nodes, inputs and outputs as in English; no text is empty or left in English."""
    source, texts = english(nodes), read(language, "nodeDefs")
    assert set(texts) == set(source)
    for name, node in source.items():
        for part in ("inputs", "outputs"):
            assert set(texts[name][part]) == set(node[part]), f"{language} {name} {part}"
        pairs = list(zip(_leaves(node), _leaves(texts[name]), strict=True))
        assert all(text.strip() for _, text in pairs), f"{language} {name} has an empty text"
        if language != "en":
            same = [text for original, text in pairs if text == original and text.endswith(".")]
            assert not same, f"{language} {name} is still English: {same}"


def _leaves(texts: dict[str, Any]) -> list[str]:
    found = [texts["display_name"], texts["description"]]
    for part in ("inputs", "outputs"):
        for key in sorted(texts[part]):
            found += [texts[part][key]["name"], texts[part][key]["tooltip"]]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_settings_and_categories_are_translated(language: str) -> None:
    source = (ROOT / "web" / "settings.mjs").read_text(encoding="utf-8")
    found = re.findall(r'\bid: "([^"]+)"', source)
    assert found and all(name.startswith("ITportrait.") for name in found)
    ids = {name.replace(".", "_") for name in found}
    texts = read(language, "settings")
    assert set(texts) == ids
    assert all(entry["name"] and entry["tooltip"] for entry in texts.values())
    main = read(language, "main")
    sockets = (ROOT / "nodes" / "sockets.py").read_text(encoding="utf-8")
    assert set(re.findall(r'io.Custom\("(ITP_\w+)"\)', sockets)) == set(main["dataTypes"])
    assert set(main) == {"nodeCategories", "settingsCategories", "dataTypes"}
    used = set(re.findall(r'category: \["(\w+)", "(\w+)"', source))
    assert {word for pair in used for word in pair} <= set(main["settingsCategories"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_pages_cover_every_input_and_output(nodes: dict[str, Any], language: str) -> None:
    """Each node has a page in each language that names every input and output."""
    texts = read(language, "nodeDefs")
    for name, node in texts.items():
        file = DOCS / f"{name}.md" if language == "en" else DOCS / name / f"{language}.md"
        assert file.is_file(), f"{name} has no {language} page"
        page = file.read_text(encoding="utf-8")
        keys = [key for key in node["inputs"] if key != "view"]
        labels = keys + [
            entry["name"].replace(" ", "_") for entry in english(nodes)[name]["outputs"].values()
        ]
        missing = [label for label in labels if f"`{label}`" not in page]
        assert not missing, f"{file.name} ({language}) does not speak of {missing}"


def test_no_page_is_left_over(nodes: dict[str, Any]) -> None:
    pages = {file.stem for file in DOCS.glob("*.md")} | {
        path.name for path in DOCS.iterdir() if path.is_dir()
    }
    assert pages - {"pictures"} == set(nodes)


def test_pages_hold_no_markup_that_runs(nodes: dict[str, Any]) -> None:
    for file in Path(DOCS).rglob("*.md"):
        assert not re.search(
            r"<\s*(script|iframe|object|embed|\w+[^>]*\son\w+)|javascript:", file.read_text("utf-8")
        ), file
