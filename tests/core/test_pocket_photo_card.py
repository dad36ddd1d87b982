"""Sections of the model card are replaced, never doubled, and others are left alone."""

from __future__ import annotations

from pathlib import Path

from itportrait_core.pocket.training.model_card import write_section


def test_sections_are_replaced_and_sorted(tmp_path: Path) -> None:
    card = tmp_path / "MODEL_CARD.md"
    write_section("pose", "train pose", {"median error": "3 degrees"}, card=card)
    write_section("encoder", "train encoder", {"PSNR": "22 dB"}, "Reads any picture.", card=card)
    before = card.read_text()
    write_section("pose", "train pose", {"median error": "1 degree"}, card=card)
    after = card.read_text()
    assert after == before.replace("3 degrees", "1 degree")
    assert after.index("## encoder") < after.index("## pose")
    assert after.count("\n## ") == 2
