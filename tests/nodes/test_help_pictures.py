"""The pictures of the help pages: small, all used, every one made by `tests/help_pictures.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness.environment import ROOT
from harness.help_files import FILES
from harness.help_live import LIVE
from harness.help_looking import LOOKING
from harness.help_training import TRAINING
from help_pictures import LARGEST
from PIL import Image

DOCS = ROOT / "web" / "docs"
PICTURES = DOCS / "pictures"
TOTAL = 1_500_000
"""Bytes of all help pictures together."""
SHOWN = re.compile(r"!\[([^]]*)\]\(([^)]+)\)")
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_each_page_shows_what_the_controls_do(page: Path) -> None:
    """A picture with a sentence; in every language ComfyUI looks for it from `web/docs`."""
    found = SHOWN.findall(page.read_text(encoding="utf-8"))
    assert found
    for sentence, picture in found:
        assert sentence.strip()
        assert (DOCS / picture).is_file(), f"{page.name} shows {picture}, which is not in web/docs"


def test_pictures_are_small_and_all_of_them_are_made_and_used() -> None:
    """Every name has its maker and its page; no file is larger than a help page should load."""
    made = set(LOOKING) | set(LIVE) | set(TRAINING) | set(FILES)
    used = {Path(picture).stem for page in PAGES for _, picture in SHOWN.findall(page.read_text("utf-8"))}
    assert used == made
    files = [PICTURES / f"{name}.jpg" for name in made]
    for file in files:
        assert file.stat().st_size <= LARGEST, file.name
        with Image.open(file) as picture:
            picture.verify()
    assert sum(file.stat().st_size for file in files) <= TOTAL
