"""A style at once: the style prior's answer to one picture, without training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.methods.shared.lineage import tensor_hash
from ..itportrait_core.methods.style.config import InstantConfig
from . import colours, compat, fields, graph_facts, results, runtime, sockets
from .images import one_picture

if TYPE_CHECKING:
    from .graph_facts import Graph


class InstantStyle(results.Making):
    """Instant Style."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "InstantStyle",
            "Instant Style",
            description=(
                "Gives everybody the look of one style picture, in less than a second and without training: "
                "the embedded generator learned beforehand what styles are. Style from a Picture refines it."
                " Other generators have no such knowledge; use Style from a Picture for them."
            ),
            search_aliases=["style transfer", "one-shot", "fast", "encoder", "jojogan"],
            inputs=[
                sockets.Generator.Input(
                    "generator", tooltip="The embedded generator, untrained; it stays as it is."
                ),
                io.Image.Input("image", tooltip="One style portrait, aligned (see Align Portrait)."),
                fields.number(
                    InstantConfig,
                    "strength",
                    "0 the generator as it is, 1 the picture's style, up to 2 overdone.",
                    step=0.05,
                ),
                fields.keep_colours(),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The generator in the picture's style."
                )
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        from ..itportrait_core.methods.shared.style_priors import NO_PRIOR

        origin = graph_facts.generator(graph, inputs.get("generator"))
        return NO_PRIOR if origin and origin.trained else ""

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        image: Tensor,
        strength: float,
        keep_colours: bool = False,
    ) -> io.NodeOutput:
        picture, config = one_picture(image, "The style picture"), InstantConfig(strength=strength)
        facts = results.recipe(
            "instant",
            generator,
            picture=tensor_hash(picture),
            settings=config.to_dict(),
            **colours.facts_of(keep_colours, generator.sha256),
        )

        def make() -> results.Made:
            model = generator.open(trained=keep_colours)
            with runtime.plain_tensors():
                style = itp.instant_style(model, picture, config)
            return results.Made((colours.recoloured(model, style) if keep_colours else style,))

        return io.NodeOutput(results.produce(facts, ("",), generator, make)[0])
