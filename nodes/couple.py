"""Couple one picture and one text: image-text embedding alternating with APT (paper Eq. 7-9, section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods.configs import ITEConfig, suited
from ..itportrait_core.methods.couple.config import source_text_for
from ..itportrait_core.methods.shared.run import OnStep, Points
from ..itportrait_core.methods.shared.run_facts import couple_inputs
from ..itportrait_core.networks.generator3d import Generator3D
from . import compat, fields, results, sockets, train
from .live_training import moments_of
from .region import inside, region_input

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .graph_facts import Graph

MODES = ("coupled", "text_only")
NO_TEXT = "The text is empty; say what to change, or use Style from a Picture for the picture alone."


class Couple(results.Making):
    """Style and Text."""

    JUDGED = "text"

    @classmethod
    def define_schema(cls) -> io.Schema:
        def limit(name: str, index: int, tooltip: str, high: float) -> io.Input:
            return fields.real(f"{name}_range", getattr(ITEConfig(), name)[index], 0.0, high, tooltip)

        return compat.schema(
            "Fuse",
            "Style and Text (ITE coupled fine-tune)",
            description=(
                "Teaches a copy of the generator the look of one picture and the change that a text asks for,"
                " both at once and from every side. text_only leaves the picture's look out."
            ),
            search_aliases=[
                "ite",
                "itportrait",
                "clip",
                "text to style",
                "coupled",
                "style and text",
                "stylegan-nada",
            ],
            advanced=(
                "mode",
                "source_text",
                "tau",
                "gate",
                "views",
                "yaw_range",
                "pitch_range",
                "content_mix",
                "style_start",
            ),
            inputs=[
                fields.base(),
                sockets.PortraitSocket.Input(
                    "portrait", tooltip="The style picture's inversion, or a sampled person."
                ),
                sockets.Clip.Input("clip", tooltip="What reads the text and judges the pictures."),
                io.String.Input(
                    "text",
                    default="a man wearing glasses",
                    multiline=True,
                    tooltip=(
                        "What the portraits are to become, in a few words: 'a smiling old man', 'wearing a"
                        " hat'."
                    ),
                ),
                fields.choice(
                    ITEConfig,
                    "mode",
                    "coupled: the picture's style and the text. text_only: the text alone.",
                    options=MODES,
                ),
                io.String.Input(
                    "source_text",
                    default="",
                    display_name="what they are before",
                    tooltip=(
                        "What the portraits are before, in a few words. Empty: what suits the generator,"
                        " 'photo' for photographic people, 'a person' for the embedded ones."
                    ),
                ),
                fields.steps("Steps of picture and text together. More is stronger, then overdone."),
                fields.number(
                    ITEConfig,
                    "tau",
                    "How far the picture's style must have come before the text may speak freely. 0.5 to"
                    " 0.75; lower favours the picture, higher the text. The paper's tau.",
                    label="style against text",
                ),
                fields.number(
                    ITEConfig,
                    "xi",
                    "Chance in percent that the text leads although the picture could. 20 to 80; higher"
                    " favours the text. The paper's xi.",
                    label="chance that the text leads (%)",
                ),
                fields.choice(
                    ITEConfig,
                    "gate",
                    "hard: picture or text leads each step, as published. soft, bisector and joint mix both.",
                    label="who leads a step",
                ),
                fields.number(
                    ITEConfig, "views", "Views compared in each step. 3 as published; 2 is faster."
                ),
                limit("yaw", 1, "How far those views go to each side, degrees. 50 as published.", 90.0),
                limit("pitch", 1, "How far they go up and down, degrees. 30 as published.", 60.0),
                fields.number(
                    ITEConfig,
                    "content_mix",
                    "0 trains on fresh people, so that the style suits everybody; 1 on this person only.",
                    step=0.05,
                    label="only this person",
                ),
                fields.seed("Draws people, views and the gate's random numbers."),
                sockets.PortraitSocket.Input(
                    "content",
                    optional=True,
                    tooltip="Another person to train on; the style picture's when left out.",
                ),
                sockets.Generator.Input(
                    "style_generator",
                    optional=True,
                    tooltip="Start the picture's style from here (Style from a Picture).",
                ),
                fields.settings("seed, mode and texts"),
                fields.start(),
                region_input(),
            ],
            outputs=[
                sockets.Generator.Output(
                    display_name="generator", tooltip="The picture's style with the text's change."
                ),
                sockets.Generator.Output(
                    display_name="style_generator",
                    tooltip="The picture's style alone; text_only passes the base on.",
                ),
                *fields.losses("Losses, distance and gate over the steps, as a picture."),
                io.String.Output(
                    display_name="history", tooltip="Every step's losses, distance and gate, as a table."
                ),
            ],
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        text = inputs.get("text")
        return NO_TEXT if isinstance(text, str) and not text.strip() else ""

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        clip: sockets.ClipHandle,
        text: str,
        mode: str,
        source_text: str,
        steps: int,
        yaw_range: float,
        pitch_range: float,
        seed: int,
        content: sockets.PortraitHandle | None = None,
        style_generator: sockets.GeneratorHandle | None = None,
        settings: sockets.SettingsHandle | None = None,
        style_start: str = fields.PRIOR,
        region: sockets.RegionHandle | None = None,
        **chosen: object,
    ) -> io.NodeOutput:
        if not text.strip():
            raise ITPortraitError(NO_TEXT)
        model = generator.open(trained=True)
        if settings is not None:
            config = settings.of(ITEConfig, mode)
        else:
            ranges = {"yaw": (-yaw_range, yaw_range), "pitch": (-pitch_range, pitch_range)}
            config = suited(ITEConfig, model, mode, prior=style_start == fields.PRIOR)
            config = config.replace(**ranges, **chosen)
            config = config.with_steps(steps) if steps else config
        source_text = source_text.strip() or source_text_for(model.resolution)
        config = config.replace(seed=seed, mode=mode, source_text=source_text)
        more = {"content": content.sha256 if content else ""}
        more["start"] = style_generator.sha256 if style_generator else ""
        inputs = couple_inputs(portrait.sha256, config, text, clip.names, **more)
        facts = results.recipe("couple", generator, **inputs)
        names = ("target", "style") if mode == "coupled" else ("target",)

        def run(on_step: OnStep, **points: Unpack[Points]) -> tuple[Generator3D, ...]:
            made = itp.couple(
                model,
                portrait.portrait,
                text,
                clip.open(),
                config,
                on_step,
                content=content.portrait if content else None,
                style=style_generator.open() if style_generator else None,
                **points,
            )
            return (made.target,) if made.style is None else (made.target, made.style)

        handles = train.trained(facts, generator, {name: f"-{name}" for name in names}, run)
        target, style = handles[0], handles[-1] if mode == "coupled" else generator
        losses, plot, history = results.report(target)
        shortened = unread(clip, text, source_text, config.templates)
        panel = moments_of(facts) | (ui.PreviewText(shortened).as_dict() if shortened else {})
        if region is not None:
            target = inside(region, style, target)
        return io.NodeOutput(target, style, losses, plot, history.to_csv(), ui=panel or None)


def unread(clip: sockets.ClipHandle, text: str, source_text: str, templates: bool) -> str:
    """What the CLIP models do not read of the texts, and their limit, in words; empty where they read all."""
    from ..itportrait_core.guidance.text_limit import left_out, token_limit

    lines = []
    for model in clip.models:
        for phrase in (text, source_text):
            rest = left_out(model, phrase, templates=templates)
            if rest:
                lines.append(f"{model.name} reads {token_limit(model)} tokens and leaves out: {rest}")
    return "\n".join(lines)
