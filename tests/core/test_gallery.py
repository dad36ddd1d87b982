"""The gallery has twelve results, and each file brings its graph back."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from harness import workflows
from harness.environment import ROOT
from PIL import Image

PICTURES = re.findall(r"\]\((gallery/[^)]+\.png)\)", (ROOT / "docs/gallery.md").read_text(encoding="utf-8"))


def test_there_are_twelve_and_every_template_is_among_them() -> None:
    shown = {unquote(path).removeprefix("gallery/").removesuffix(".png") for path in PICTURES}
    assert len(PICTURES) == len(shown) == 12
    assert set(workflows.names()) == shown


@pytest.mark.parametrize("path", PICTURES, ids=unquote)
def test_a_picture_holds_the_workflow_that_makes_it(path: str) -> None:
    """Where ComfyUI looks for it; a template's is the template as it is now, and links join what is there."""
    file = ROOT / "docs" / unquote(path)
    with Image.open(file) as picture:
        assert max(picture.size) == 480
        workflow = json.loads(picture.info["workflow"])
    if file.stem in workflows.names():
        assert workflow == workflows.read(file.stem)
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for number, source, output, target, place, kind in workflow["links"]:
        assert number in nodes[source]["outputs"][output]["links"]
        assert nodes[target]["inputs"][place]["link"] == number
        assert nodes[source]["outputs"][output]["type"] == nodes[target]["inputs"][place]["type"] == kind
