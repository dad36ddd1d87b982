"""Adapt a generator to one picture: artistic paired transfer (paper Eq. 5-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.methods.configs import APTConfig
from ..itportrait_core.methods.shared.run import OnStep, Points
from ..itportrait_core.methods.shared.run_facts import apt_inputs
from ..itportrait_core.networks.generator3d import Generator3D
from . import colours, compat, fields, results, sockets, train
from .live_training import moments_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

LAYERS = {"fine (9-13)": (9, 10, 11, 12, 13), "fine and middle (7-13)": (7, 8, 9, 10, 11, 12, 13)}


class Stylize(results.Making):
    """Style from a Picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "Stylize",
            "Style from a Picture (APT)",
            description=(
                "Teaches a copy of the generator the look of one style picture, so that everybody it draws "
                "looks like that, from every side. No text is needed: this is the image-only mode."
            ),
            search_aliases=["apt stylize", "apt", "one-shot", "style transfer", "jojogan"],
            advanced=("layers", "beta", "lr", "style_start"),
            inputs=[
                fields.base(),
                sockets.PortraitSocket.Input(
                    "portrait",
                    tooltip=(
                        "The style picture's inversion in that generator, or up to 16 of one style (Join"
                        " Portraits): the style is what they share."
                    ),
                ),
                fields.steps(
                    "More steps carry over more of the style, then begin to copy the picture's person."
                ),
                io.Combo.Input(
                    "layers",
                    options=list(LAYERS),
                    default=next(iter(LAYERS)),
                    tooltip=(
                        "Which latent layers are mixed with other people's. fine keeps head shapes; fine and"
                        " middle lets more people take on the style, with stronger deformation. Counted for"
                        " 14 layers."
                    ),
                ),
                fields.number(
                    APTConfig,
                    "beta",
                    "How much of the portrait's own latent stays in those layers. 0 to 0.2; higher comes"
                    " closer to this one picture and carries over to other people less. The paper's beta.",
                    label="closeness to the picture",
                ),
                fields.number(
                    APTConfig,
                    "lr",
                    "Step size. 0.001 to 0.004; higher is faster and rougher.",
                    step=0.0001,
                    label="step size",
                ),
                fields.seed("Draws the people that are mixed in."),
                fields.settings("the seed"),
                sockets.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip=(
                        "What compares other people with the picture, where the settings ask for it (small"
                        " generators do). The embedded guide when left out."
                    ),
                ),
                fields.start(),
                fields.keep_colours(),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The generator in the picture's style."
                ),
                *fields.losses(),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        steps: int,
        layers: str,
        beta: float,
        lr: float,
        seed: int,
        settings: sockets.SettingsHandle | None = None,
        clip: sockets.ClipHandle | None = None,
        style_start: str = fields.PRIOR,
        keep_colours: bool = False,
    ) -> io.NodeOutput:
        model = generator.open(trained=True)
        chosen = {"beta": beta, "lr": lr}
        prior = style_start == fields.PRIOR
        config = train.config_of(APTConfig, model, settings, steps, chosen, prior=prior)
        if settings is None:
            config = config.replace(layers=LAYERS[layers])
        config = config.replace(seed=seed)
        inputs = apt_inputs(portrait.sha256, config, clip.names if clip else ())
        facts = results.recipe("apt", generator, **inputs, **colours.facts_of(keep_colours, generator.sha256))

        def run(on_step: OnStep, **points: Unpack[Points]) -> tuple[Generator3D]:
            clips = clip.open() if clip else None
            styled = itp.stylize(model, portrait.joined, config, on_step, clip=clips, **points)
            return (colours.recoloured(model, styled) if keep_colours else styled,)

        (handle,) = train.trained(facts, generator, {"style": ""}, run)
        losses, plot, _ = results.report(handle)
        return io.NodeOutput(handle, losses, plot, ui=moments_of(facts) or None)
