"""Move a generator onto one picture: pivotal tuning (paper section 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io

from .. import itportrait_core as itp
from ..itportrait_core.methods.configs import TuningConfig
from ..itportrait_core.methods.shared.run import OnStep, Points
from ..itportrait_core.networks.generator3d import Generator3D
from . import compat, fields, results, sockets, train
from .live_training import moments_of

if TYPE_CHECKING:
    from typing_extensions import Unpack


class PivotalTuning(results.Making):
    """Exactly This Person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "PivotalTuning",
            "Exactly This Person (pivotal tuning)",
            description=(
                "Bends a copy of the generator until it draws exactly this person. Use it before a style when"
                " the picture itself is to be edited, a photo or a drawing; skip it when everybody is to take"
                " the style on."
            ),
            search_aliases=["pivotal tuning", "pti", "photo edit"],
            advanced=("lpips_stop", "lr", "depth"),
            inputs=[
                fields.base(),
                sockets.PortraitSocket.Input(
                    "portrait", tooltip="The picture's inversion in that generator."
                ),
                fields.steps("Most steps; it stops earlier when it is close enough."),
                fields.number(
                    TuningConfig,
                    "lpips_stop",
                    "How close (LPIPS) is close enough. 0.03 to 0.1; lower follows the picture and its"
                    " flaws.",
                    label="close enough",
                ),
                fields.number(
                    TuningConfig,
                    "lr",
                    "Step size. 0.0001 to 0.002; higher is rougher.",
                    step=0.0001,
                    label="step size",
                ),
                fields.number(
                    TuningConfig,
                    "depth",
                    "Weight of keeping the head's shape. 0.5 to 2; 0 may flatten it.",
                    step=0.1,
                ),
                fields.seed("Draws the views whose shape is kept."),
                fields.settings("the seed"),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The generator that draws this person."
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
        lpips_stop: float,
        lr: float,
        depth: float,
        seed: int,
        settings: sockets.SettingsHandle | None = None,
    ) -> io.NodeOutput:
        model = generator.open(trained=True)
        chosen = {"lpips_stop": lpips_stop, "lr": lr, "depth": depth}
        config = train.config_of(TuningConfig, model, settings, steps, chosen).replace(seed=seed)
        facts = results.recipe("tune", generator, portrait=portrait.sha256, settings=config.to_dict())

        def run(on_step: OnStep, **points: Unpack[Points]) -> tuple[Generator3D]:
            return (itp.pivotal_tune(model, portrait.portrait, config, on_step, **points),)

        (handle,) = train.trained(facts, generator, {"tuned": ""}, run)
        losses, plot, _ = results.report(handle)
        return io.NodeOutput(handle, losses, plot, ui=moments_of(facts) or None)
