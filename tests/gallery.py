"""Renew the pictures of docs/gallery.md: `python tests/gallery.py`.

Each is a template's thumbnail as a PNG that holds the workflow which makes it: dropped on ComfyUI's canvas
it brings the graph back.
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
WIDTH, COLOURS = 480, 256


def main() -> None:
    """Write all of them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in workflows.names():
        save(name, workflows.EXAMPLES / f"{name}.jpg", workflows.read(name))


def save(name: str, picture: Path, workflow: dict[str, Any]) -> None:
    """The picture as `name.png`, small enough for a page, with the workflow where ComfyUI looks for it."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("workflow", json.dumps(workflow))
    with Image.open(picture) as opened:
        small = opened.convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    small.quantize(COLOURS).save(TARGET / f"{name}.png", optimize=True, pnginfo=notes)


if __name__ == "__main__":
    main()
