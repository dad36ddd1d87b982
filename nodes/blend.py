"""Set the strength of a style, and mix styles, without training."""

from __future__ import annotations

from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.methods.configs import BlendConfig
from . import colours, compat, fields, results, runtime, sockets
from .region import facts_of, region_input

MORE = ("second", "third", "fourth")
"""Styles beside the first; each has a socket and one strength."""
SIDES = (4, 8, 16, 32, 64, 128, 256)
"""Sides of the planes' backbone, pixels, that have a strength of their own."""


class Blend(results.Making):
    """Mix Styles."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def strength(name: str, what: str, most: str = "1.2 overdone") -> io.Input:
            about = f"Strength of {what}: 0 the base, 1 the style, up to {most}, below 0 its opposite."
            return fields.number(BlendConfig, name, about, step=0.05)

        def another(which: str) -> list[io.Input]:
            about = (
                f"Strength of the {which} style in all parts: 0 leaves it out, 1 is all of it, below 0"
                " its opposite."
            )
            return [
                sockets.Generator.Input(
                    f"{which}_style", optional=True, tooltip="Another style of the same base."
                ),
                io.Float.Input(
                    f"{which}_strength",
                    default=0.5,
                    min=-1.0,
                    max=1.2,
                    step=0.05,
                    round=False,
                    optional=True,
                    tooltip=about,
                ),
            ]

        def side(pixels: int) -> io.Input:
            about = (
                f"Factor on shape or texture of the first style at planes of {pixels} px: 1 as above, 0 none."
            )
            return fields.number(BlendConfig, f"at_{pixels}", about, step=0.05, optional=True)

        return compat.schema(
            "Blend",
            "Mix Styles (blend generators)",
            description=(
                "Sets how strong a style is, apart for shape, texture and light, without training again. "
                "Up to three more styles are added on top."
            ),
            search_aliases=[
                "blend generators",
                "strength",
                "merge",
                "mix styles",
                "interpolate",
                "toonify",
                "caricature",
            ],
            advanced=(
                "decoder",
                "superresolution",
                "third_strength",
                "fourth_strength",
                "swap_at",
                *(f"at_{pixels}" for pixels in SIDES),
            ),
            inputs=[
                sockets.Generator.Input("generator", tooltip="The base that the styles were trained from."),
                sockets.Generator.Input("style", tooltip="A style of that base."),
                strength(
                    "shape", "the head's shape (coarse planes)", "2 a caricature, eased where it would tear"
                ),
                strength("texture", "texture and colour (fine planes)"),
                strength("decoder", "colour and density everywhere (decoder)"),
                strength("superresolution", "strokes and fine detail (super-resolution)"),
                *(item for which in MORE for item in another(which)),
                fields.number(
                    BlendConfig,
                    "swap_at",
                    "Planes of up to so many pixels are shape, finer ones texture: 8 to 64. 0 is an eighth"
                    " of the finest. With shape 0 and texture 1, layers are swapped as in Toonify.",
                    optional=True,
                ),
                *(side(pixels) for pixels in SIDES),
                fields.keep_colours(),
                sockets.Settings.Input(
                    "settings",
                    optional=True,
                    tooltip="Replaces the first style's strengths, for instance the preset toonify.",
                ),
                region_input(),
            ],
            outputs=[sockets.Generator.Output(display_name="generator", tooltip="The blended style.")],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        style: sockets.GeneratorHandle,
        second_style: sockets.GeneratorHandle | None = None,
        second_strength: float = 0.5,
        third_style: sockets.GeneratorHandle | None = None,
        third_strength: float = 0.5,
        fourth_style: sockets.GeneratorHandle | None = None,
        fourth_strength: float = 0.5,
        keep_colours: bool = False,
        settings: sockets.SettingsHandle | None = None,
        region: sockets.RegionHandle | None = None,
        **strengths: float,
    ) -> io.NodeOutput:
        first = settings.of(BlendConfig) if settings else BlendConfig().replace(**strengths)
        styles, configs = [style], [first]
        more = (second_style, third_style, fourth_style)
        for other, strength in zip(more, (second_strength, third_strength, fourth_strength), strict=True):
            if other is not None:
                styles.append(other)
                configs.append(BlendConfig.uniform(strength))
        facts = results.recipe(
            "blend",
            generator,
            styles=[one.sha256 for one in styles],
            settings=[one.to_dict() for one in configs],
            **colours.facts_of(keep_colours, generator.sha256),
            **facts_of(region),
        )

        def mix() -> results.Made:
            base = generator.open(trained=keep_colours)
            with runtime.plain_tensors():
                mixed = itp.blend(base, [one.open() for one in styles], configs)
            mixed = colours.recoloured(base, mixed) if keep_colours else mixed
            if region is not None:
                with runtime.plain_tensors():
                    mixed = itp.restricted(base, mixed, region.region)
            return results.Made((mixed,))

        (handle,) = results.produce(facts, ("",), generator, mix)
        return io.NodeOutput(handle)
