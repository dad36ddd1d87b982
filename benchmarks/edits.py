"""Text edits whose true picture is known: what a sentence changes in the attributes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from itportrait_core.pocket.attributes import BEARDS, HAIR_COLORS, HAIR_STYLES, HATS, Attributes

Edit = Callable[[Attributes], Attributes]


def _set(**changes: float) -> Edit:
    return lambda a: a.replace(**changes)


def _hair_color(name: str) -> Edit:
    def edit(a: Attributes) -> Attributes:
        bald = HAIR_STYLES.index("bald")
        style = np.where(a.hair_style == bald, HAIR_STYLES.index("short"), a.hair_style)
        return a.replace(hair_color=HAIR_COLORS.index(name), hair_shade=0.0, hair_style=style)

    return edit


def _glasses(a: Attributes) -> Attributes:
    return a.replace(glasses=np.maximum(a.glasses, 1))


def _hat(a: Attributes) -> Attributes:
    return a.replace(hat=np.where(a.hat == 0, HATS.index("beanie"), a.hat))


def _style(name: str) -> Edit:
    return _set(hair_style=HAIR_STYLES.index(name), hat=0)


EDITS: dict[str, Edit] = {
    "a person wearing glasses": _glasses,
    "a person without glasses": _set(glasses=0),
    "a smiling person": lambda a: a.replace(smile=np.maximum(a.smile, 0.85)),
    "a serious person": lambda a: a.replace(smile=np.minimum(a.smile, -0.1)),
    "a person with a beard": _set(beard=BEARDS.index("full")),
    "a person without a beard": _set(beard=0),
    "a person with a hat": _hat,
    "a person wearing a beanie": _set(hat=HATS.index("beanie")),
    "a bald person": _style("bald"),
    "a person with long hair": _style("long"),
    "a person with short hair": _style("short"),
    "a person with hair in a bun": _style("bun"),
    "an old person": lambda a: a.replace(age=np.maximum(a.age, 0.97)),
    "a young person": lambda a: a.replace(age=np.minimum(a.age, 0.1)),
    **{f"a person with {name} hair": _hair_color(name) for name in HAIR_COLORS},
}
"""Text -> what it changes in the attributes: edits whose true picture is known."""
