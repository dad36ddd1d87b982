"""Renew the pictures of docs/gallery.md: `python tests/gallery.py`.

Each is a template's thumbnail, or a picture of a help page, as a PNG that holds the workflow which makes it:
dropped on ComfyUI's canvas it brings the graph back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import workflows

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "gallery"
HELP = {"Instant Style": ROOT / "web" / "docs" / "pictures" / "instant.jpg"}
"""Pictures of help pages; their workflows are made here."""
WIDTH, COLOURS = 480, 256


def main() -> None:
    """Write all of them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in workflows.names():
        save(name, workflows.EXAMPLES / f"{name}.jpg", workflows.read(name))
    for name, picture in HELP.items():
        save(name, picture, instant_style())


def save(name: str, picture: Path, workflow: dict[str, Any]) -> None:
    """The picture as `name.png`, small enough for a page, with the workflow where ComfyUI looks for it."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("workflow", json.dumps(workflow))
    with Image.open(picture) as opened:
        small = opened.convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    small.quantize(COLOURS).save(TARGET / f"{name}.png", optimize=True, pnginfo=notes)


def instant_style() -> dict[str, Any]:
    """Instant Style between the nodes that a live head needs, taken from *A head to turn by hand*."""
    known = {node["type"].removeprefix("ITportrait_"): node for node in workflows.read(
        "A head to turn by hand")["nodes"]}  # fmt: skip
    base, picture, head = (known[name] for name in ("GeneratorLoader", "ExamplePicture", "LiveHead"))
    style = {
        "id": 4,
        "type": "ITportrait_InstantStyle",
        "pos": [400, 60],
        "size": [320, 130],
        "flags": {},
        "order": 2,
        "mode": 0,
        "inputs": [
            {"name": "generator", "type": "ITP_GENERATOR", "link": 1},
            {"name": "image", "type": "IMAGE", "link": 2},
        ],
        "outputs": [{"name": "generator", "type": "ITP_GENERATOR", "links": [4]}],
        "properties": {"Node name for S&R": "ITportrait_InstantStyle"},
        "widgets_values": [1.0, False],
    }
    base["outputs"][0]["links"] = [1, 3]
    picture["outputs"][0]["links"], picture["pos"] = [2], [0, 238]
    head["outputs"], head["pos"] = [{**slot, "links": []} for slot in head["outputs"]], [800, 60]
    links = {"generator": 3, "generator_2": 4}
    head["inputs"] = [{**slot, "link": links.get(slot["name"])} for slot in head["inputs"]]
    kind = "ITP_GENERATOR"
    return {
        "version": 0.4,
        "last_node_id": head["id"],
        "last_link_id": 4,
        "nodes": [base, picture, style, head],
        "links": [
            [1, base["id"], 0, 4, 0, kind],
            [2, picture["id"], 0, 4, 1, "IMAGE"],
            [3, base["id"], 0, head["id"], 0, kind],
            [4, 4, 0, head["id"], 1, kind],
        ],
        "groups": [],
        "config": {},
        "extra": {},
    }


if __name__ == "__main__":
    main()
