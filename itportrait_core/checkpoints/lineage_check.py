"""What weights tell about their origin, checked where a file is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import DamagedFile
from ..plain_types import describe

KINDS: dict[str, type | tuple[type, ...]] = {
    "history": list,
    "method": str,
    "parent": dict,
    "recipe": dict,
    "source_text": str,
    "styles": list,
    "text": (str, type(None)),
}
"""Fact -> what it is, in any file of weights of ours; other facts are passed on as they are."""
RECIPE: dict[str, type | tuple[type, ...]] = {
    "base": str,
    "method": str,
    "settings": (dict, list),
    "text": (str, type(None)),
}
"""As `KINDS`, for the recipe of a node."""


def check_lineage(lineage: Mapping[str, Any], where: str) -> None:
    """Refuse facts of another kind than they are written as.

    Raises:
        DamagedFile: naming the fact.
    """
    recipe = lineage.get("recipe", {})
    for facts, kinds in ((lineage, KINDS), (recipe if isinstance(recipe, Mapping) else {}, RECIPE)):
        for name, kind in kinds.items():
            if name in facts and not isinstance(facts[name], kind):
                raise DamagedFile(
                    f"The lineage in {where} is damaged: {name!r} is {describe(facts[name])}; get the file "
                    "again."
                )
