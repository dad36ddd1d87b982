"""Recipe cards on ComfyUI's side: the switch, and the notes of the running workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import comfy.model_management as mm
import comfyui_version
from comfy.cli_args import args
from comfy_api.latest import io

from ..itportrait_core.errors import ITPortraitError

if TYPE_CHECKING:
    from ..itportrait_core.methods.shared.portrait import Portrait
    from ..itportrait_core.recipes.card import Card
    from ..itportrait_core.rendering.mesh import MeshConfig
    from ..itportrait_core.rendering.splat import SplatConfig
    from .sockets import GeneratorHandle

HIDDEN = [io.Hidden.prompt, io.Hidden.extra_pnginfo]
"""What a node asks ComfyUI for, to keep the workflow in its file."""


def private(*, optional: bool = False) -> io.Input:
    """The privacy switch of a node that saves; `optional` where older workflows know the node without it."""
    return io.Boolean.Input(
        "private",
        default=False,
        optional=optional,
        tooltip=(
            "Leaves names and paths out of the file: file names, titles, labels, notes. Settings, seeds,"
            " texts and the graph stay."
        ),
    )


def programs() -> dict[str, str]:
    """What else may change a result, beside the core's own versions."""
    return {"comfyui": comfyui_version.__version__, "device": mm.get_torch_device().type}


def typed() -> bool:
    """Whether files may hold what people typed: not with ComfyUI's --disable-metadata."""
    return not args.disable_metadata


def written_lineage(lineage: Mapping[str, Any], *, private: bool) -> dict[str, Any]:
    """The lineage of weights as a file may hold it."""
    from ..itportrait_core.recipes.privacy import private_facts, untyped_facts

    facts = dict(lineage)
    if private:
        facts = private_facts(facts)
    return facts if typed() else untyped_facts(facts)


def head_card(
    kind: str, generator: GeneratorHandle, person: Portrait, config: MeshConfig | SplatConfig
) -> Card:
    """The card of a head as a mesh or as splats, drawn with the settings of `config`; it has no proof yet."""
    from ..itportrait_core.recipes.card import Card, versions

    return Card(
        kind,
        generator.description,
        person.report,
        asdict(config),
        versions(**programs()),
        person.ws.float().cpu(),
    )


def head_text(handles: Sequence[GeneratorHandle], people: Sequence[tuple[str, Portrait]]) -> str:
    """The recipe of a live head as text: generators by hash, with their lineage, and who is drawn."""
    from ..itportrait_core.recipes.card import versions

    generators = [handle.description for handle in handles]
    reports = [one.report for _, one in people]
    recipe = {"generators": generators, "people": reports, "versions": versions(**programs())}
    return json.dumps(recipe, indent=1, default=str)


def notes(hidden: io.HiddenHolder, card: Card, private: bool) -> dict[str, str]:
    """Texts for the file: the card, and the workflow unless ComfyUI was told to save none."""
    from ..itportrait_core.recipes.notes import make_notes

    if not typed():
        return make_notes(card, None, None, private=private, typed=False)
    return make_notes(card, hidden.prompt, hidden.extra_pnginfo, private=private)


def signed(person: Portrait, generator: GeneratorHandle) -> Portrait:
    """The person with a note of the weights that it belongs to, without which it cannot be drawn again."""
    weights = generator.description
    facts = {name: weights[name] for name in ("content", "family", "license")}
    return replace(person, report={**person.report, "generator": facts})


def expect(card: Card, kind: str, maker: str) -> None:
    """Refuse a recipe of something else.

    Raises:
        ITPortraitError: naming the node whose recipe is wanted.
    """
    if card.kind != kind:
        raise ITPortraitError(f"This is the recipe of a {card.kind}; connect the one that {maker} gives.")
