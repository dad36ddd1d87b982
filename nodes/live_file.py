"""The file of a live head: the generators and people of a node, packed for the browser."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from .. import itportrait_core as itp
from . import folders, recipes, sockets

Person = tuple[str, "itp.Portrait"]


def gathered(
    generator: sockets.GeneratorHandle, seed: int, truncation: float, chosen: Mapping[str, Any]
) -> tuple[list[sockets.GeneratorHandle], list[Person]]:
    """The connected generators and people; somebody made up where nobody is.

    Raises:
        ITPortraitError: for a person of another kind of generator.
    """
    from ..itportrait_core.methods.shared.portrait import check_fits, sample_portrait

    more = (chosen.get(f"generator_{i}") for i in (2, 3, 4))
    handles = [generator, *(handle for handle in more if handle is not None)]
    given = [chosen.get(name) for name in ("portrait", "portrait_2")]
    people = [(name_of_person(one.portrait), one.portrait) for one in given if one is not None]
    if not people:
        made = sample_portrait(generator.open(), seed, truncation=truncation)
        people = [(name_of_person(made), made)]
    for _, portrait in people:
        check_fits(generator.open(), portrait)
    return handles, people


def name_of_person(portrait: itp.Portrait) -> str:
    """A label for a person: its seed, or that it comes from a picture."""
    seed = portrait.report.get("seed")
    return f"seed {seed}" if seed is not None else "portrait"


def name_of(handle: sockets.GeneratorHandle) -> str:
    """A label for a generator: its text, else its method, else its file."""
    lineage = handle.lineage
    text = lineage.get("text") or lineage.get("recipe", {}).get("text")
    return str(text or lineage.get("method") or handle.path.stem)


def live_file(handles: list[sockets.GeneratorHandle], people: list[Person]) -> dict[str, str]:
    """The head's file below ComfyUI's temp folder, made unless it is there, as the editor asks for it."""
    key = hashlib.sha256(json.dumps([handle.sha256 for handle in handles]).encode())
    for _, portrait in people:
        key.update(portrait.ws.detach().float().cpu().contiguous().numpy().tobytes())
    file = folders.temporary(f"live-{key.hexdigest()[:16]}.itplive")
    if not os.path.isfile(file):
        folders.put(file, packed(handles, people, private=not recipes.typed()))
    return folders.preview_of(file, "temp")


def packed(
    handles: list[sockets.GeneratorHandle],
    people: list[Person],
    camera: dict[str, float] | None = None,
    *,
    private: bool = False,
    **facts: object,
) -> bytes:
    """The bytes of a live head; `private` numbers generators and people in place of naming them."""
    from ..itportrait_core.live.pack import Person as Who
    from ..itportrait_core.live.pack import Style, pack

    names = [f"style {i}" if private else name_of(handle) for i, handle in enumerate(handles)]
    styles = [Style(name, one.open(), one.license) for name, one in zip(names, handles, strict=True)]
    who = [Who(f"person {i}" if private else name, one.ws) for i, (name, one) in enumerate(people)]
    return pack(styles, who, camera=camera, facts=dict(facts))
