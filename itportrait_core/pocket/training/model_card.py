"""Measured quality of the pocket family, one section per network in MODEL_CARD.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CARD = Path(__file__).parents[1] / "MODEL_CARD.md"
_TITLE = """# Pocket family: measured quality

Every number is measured on latents, people and cameras that training never saw, by the command that stands
beside it.
"""


def write_section(
    name: str, command: str, rows: Mapping[str, str], note: str = "", card: Path = CARD
) -> None:
    """Write or replace the section of one network.

    Args:
        name: of the network; the section's heading.
        command: that reproduces the numbers.
        rows: what was measured and its value, in order.
        note: a sentence or two about the network.
        card: the file.
    """
    text = card.read_text(encoding="utf-8") if card.is_file() else _TITLE
    parts = text.split("\n## ")
    body = f"{name}\n\n{note}\n\n```\n{command}\n```\n\n| measured | value |\n| --- | --- |\n"
    body += "".join(f"| {key} | {value} |\n" for key, value in rows.items())
    other_sections = [part for part in parts[1:] if part.split("\n", 1)[0] != name]
    sections = sorted([*other_sections, body])
    card.write_text(
        "\n## ".join([parts[0].rstrip("\n") + "\n", *(s.rstrip("\n") + "\n" for s in sections)]), "utf-8"
    )
