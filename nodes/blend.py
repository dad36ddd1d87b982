"""Set the strength of a style, and mix styles, without training."""

from __future__ import annotations

from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.methods.configs import BlendConfig
from . import compat, fields, results, runtime, sockets


class Blend(io.ComfyNode):
    """Mix Styles."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def strength(name: str, what: str) -> io.Input:
            about = f"Strength of {what}: 0 the base, 1 the style, up to 1.2 overdone."
            return fields.number(BlendConfig, name, about, step=0.05)

        return compat.schema(
            "Blend",
            "Mix Styles (blend generators)",
            description=(
                "Sets how strong a style is, apart for shape, texture and light, without training again. "
                "A second style is added on top."
            ),
            search_aliases=["blend generators", "strength", "merge", "mix styles", "interpolate"],
            advanced=("decoder", "superresolution"),
            inputs=[
                sockets.Generator.Input("generator", tooltip="The base that the styles were trained from."),
                sockets.Generator.Input("style", tooltip="A style of that base."),
                strength("shape", "the head's shape (coarse planes)"),
                strength("texture", "texture and colour (fine planes)"),
                strength("decoder", "colour and density everywhere (decoder)"),
                strength("superresolution", "strokes and fine detail (super-resolution)"),
                sockets.Generator.Input(
                    "second_style", optional=True, tooltip="Another style of the same base."
                ),
                io.Float.Input(
                    "second_strength",
                    default=0.5,
                    min=0.0,
                    max=1.2,
                    step=0.05,
                    round=False,
                    optional=True,
                    tooltip="Strength of the second style in all parts: 0 leaves it out, 1 is all of it.",
                ),
            ],
            outputs=[sockets.Generator.Output(display_name="generator", tooltip="The blended style.")],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs: object) -> str:
        return results.generation()

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        style: sockets.GeneratorHandle,
        second_style: sockets.GeneratorHandle | None = None,
        second_strength: float = 0.5,
        **strengths: float,
    ) -> io.NodeOutput:
        styles, configs = [style], [BlendConfig(**strengths)]
        if second_style is not None:
            styles.append(second_style)
            configs.append(BlendConfig(**dict.fromkeys(strengths, second_strength)))
        facts = results.recipe(
            "blend",
            generator,
            styles=[one.sha256 for one in styles],
            settings=[one.to_dict() for one in configs],
        )

        def mix() -> results.Made:
            with runtime.plain_tensors():
                mixed = itp.blend(generator.open(), [one.open() for one in styles], configs)
            return results.Made((mixed,))

        (handle,) = results.produce(facts, ("",), generator, mix)
        return io.NodeOutput(handle)
