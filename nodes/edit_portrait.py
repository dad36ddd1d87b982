"""Edit everybody by a text or by example, without training: a direction in the style space."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.checkpoints import atomic
from ..itportrait_core.errors import DamagedFile, ITPortraitError
from ..itportrait_core.methods.style.config import TEXT_OR_EXAMPLES, EditConfig
from ..itportrait_core.networks.generator3d import Generator3D
from . import compat, fields, results, runtime, sockets
from .region import facts_of, region_input

if TYPE_CHECKING:
    from ..itportrait_core.guidance.clip import ClipModel
    from ..itportrait_core.methods.style.relevance import Relevance
    from .graph_facts import Graph


class EditPortrait(results.Making):
    """Edit Portrait."""

    JUDGED = "text"

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "EditPortrait",
            "Edit Portrait",
            description=(
                "Changes everybody as a text says (glasses, a beard, older), without training, on any style"
                " of the base. It takes a moment; with networks of your own it looks at some hundred people"
                " first, once. Chain several for several edits."
            ),
            search_aliases=["styleclip", "slider", "attribute", "global direction", "style space"],
            advanced=("disentangle", "source_text"),
            inputs=[
                sockets.Generator.Input(
                    "generator", tooltip="The generator or style to edit; it stays as it is."
                ),
                io.String.Input(
                    "text",
                    default="a person wearing glasses",
                    multiline=True,
                    tooltip="What people are to become. Empty for an edit by example.",
                ),
                fields.number(
                    EditConfig,
                    "strength",
                    "0 nothing, 1 the edit, 2 overdone; below 0 its opposite.",
                    step=0.05,
                ),
                fields.number(
                    EditConfig,
                    "disentangle",
                    "Parts that matter less than this share of the one that matters most stay as they are."
                    " 0 to 0.4; higher changes less beside the edit.",
                ),
                io.String.Input(
                    "source_text",
                    default=EditConfig().source_text,
                    tooltip=(
                        "What people are before. Name what shall not change: 'a man' for 'a man with a hat'."
                    ),
                ),
                sockets.Generator.Input(
                    "base",
                    optional=True,
                    tooltip="What the style was made from. Connect it when the generator is a style.",
                ),
                sockets.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="What understands the text; the embedded guide when left out.",
                ),
                sockets.PortraitSocket.Input(
                    "before",
                    optional=True,
                    tooltip="By example: a person, or several joined, without the change. Leave text empty.",
                ),
                sockets.PortraitSocket.Input(
                    "after", optional=True, tooltip="By example: the same or other people with the change."
                ),
                region_input(),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The generator that draws everybody so."
                )
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        text = inputs.get("text")
        by_example = "before" in inputs and "after" in inputs
        return TEXT_OR_EXAMPLES if isinstance(text, str) and bool(text.strip()) == by_example else ""

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        text: str,
        strength: float,
        disentangle: float,
        source_text: str,
        base: sockets.GeneratorHandle | None = None,
        clip: sockets.ClipHandle | None = None,
        before: sockets.PortraitHandle | None = None,
        after: sockets.PortraitHandle | None = None,
        region: sockets.RegionHandle | None = None,
    ) -> io.NodeOutput:
        config = EditConfig(strength=strength, disentangle=disentangle, source_text=source_text)
        origin = base or generator
        facts = results.recipe(
            "edit",
            generator,
            origin=origin.sha256,
            text=text,
            settings=config.to_dict(),
            clip=clip.names if clip else (),
            examples=[one.sha256 for one in (before, after) if one is not None],
            **facts_of(region),
        )

        def make() -> results.Made:
            source, model = origin.open(), generator.open()
            clips = (clip.open() if clip else _guide(source)) if text.strip() else []
            with runtime.plain_tensors():
                edited = itp.edit_portrait(
                    model,
                    text,
                    config,
                    before=before.joined if before else None,
                    after=after.joined if after else None,
                    base=source,
                    clip=clips,
                    relevance=[_relevance(origin, source, one, config) for one in clips],
                    region=region.region if region else None,
                )
            return results.Made((edited,))

        return io.NodeOutput(results.produce(facts, ("",), generator, make)[0])


def _guide(generator: Generator3D) -> Sequence[ClipModel]:
    from ..itportrait_core.guidance.clip import listed_clips
    from ..itportrait_core.methods.shared.trainable import device_of

    return listed_clips(None, device_of(generator))


def _relevance(
    handle: sockets.GeneratorHandle, model: Generator3D, clip: ClipModel, config: EditConfig
) -> Relevance:
    """Of this generator and CLIP: shipped, or from the file of an earlier edit, or measured now and kept."""
    from ..itportrait_core.methods.shared.lineage import weights_hash
    from ..itportrait_core.methods.shared.trainable import device_of
    from ..itportrait_core.methods.style.relevance import Relevance, measure_relevance, shipped_relevance

    shipped = shipped_relevance(model, clip, config.people, config.seed)
    if shipped is not None:
        return shipped
    facts = results.recipe(
        "relevance", handle, clip=weights_hash(clip), people=config.people, seed=config.seed
    )
    file = results.run_file(facts, "-relevance")
    if os.path.isfile(file):
        try:
            known = Relevance.load(file, device_of(model))
            if len(known.latents) == model.w_dim:
                return known
            raise DamagedFile(f"{file.name} is of another generator.")
        except ITPortraitError as error:
            aside = atomic.set_aside(file)
            logging.warning(f"ITportrait: {error!s:.300} It is {aside.name} now, and is made anew.")
    known = measure_relevance(model, clip, config.people, config.seed, runtime.Progress().count)
    try:
        known.save(file)
    except ITPortraitError as error:  # only a cache: the edit does not need it on disk
        logging.warning(f"ITportrait: {error!s:.300} The next edit measures anew.")
    return known
