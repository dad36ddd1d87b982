"""People without a picture: made up from a seed, or kept in a file."""

from __future__ import annotations

import json

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from . import compat, fields, folders, recipes, sockets
from .images import to_comfy
from .model_files import files_of

NONE = "(no saved portrait)"


class SamplePortrait(io.ComfyNode):
    """Sample Portrait."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SamplePortrait",
            "Sample Portrait",
            description=(
                "Makes a person up: every seed is somebody else. Use it as the content of a text-only style, "
                "or to see how a style suits other people."
            ),
            search_aliases=["random face", "seed"],
            inputs=[
                sockets.Generator.Input("generator", tooltip="Whose people they are."),
                fields.seed("Every number is another person."),
                fields.truncation(),
                sockets.Cameras.Input(
                    "cameras",
                    optional=True,
                    tooltip="The first of these is where the picture sees the person from.",
                ),
            ],
            outputs=[
                sockets.PortraitSocket.Output(
                    display_name="portrait", tooltip="The person: latent, camera and picture."
                ),
                io.Image.Output(display_name="image", tooltip="The picture of that person."),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        seed: int,
        truncation: float,
        cameras: sockets.CamerasHandle | None = None,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.shared.portrait import sample_portrait

        label = None if cameras is None else cameras.labels[:1]
        person = sample_portrait(generator.open(), seed, truncation=truncation, camera=label)
        person = recipes.signed(person, generator)
        return io.NodeOutput(sockets.PortraitHandle(person), to_comfy(person.image))


class JoinPortraits(io.ComfyNode):
    """Join Portraits."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "JoinPortraits",
            "Join Portraits",
            description=(
                "Puts several portraits on one wire, for Style from a Picture (one style, several pictures)"
                " and for the examples of Edit Portrait. Chain it for more. Nodes for one person take the"
                " first."
            ),
            search_aliases=["multi reference", "several pictures", "portrait list"],
            inputs=[
                sockets.PortraitSocket.Input("first", tooltip="A portrait, or several joined ones."),
                sockets.PortraitSocket.Input("second", tooltip="A portrait, or several joined ones."),
                sockets.PortraitSocket.Input(
                    "third", optional=True, tooltip="A portrait, or several joined ones."
                ),
                sockets.PortraitSocket.Input(
                    "fourth", optional=True, tooltip="A portrait, or several joined ones."
                ),
            ],
            outputs=[
                sockets.PortraitSocket.Output(display_name="portraits", tooltip="All of them, in order.")
            ],
        )

    @classmethod
    def execute(
        cls,
        first: sockets.PortraitHandle,
        second: sockets.PortraitHandle,
        third: sockets.PortraitHandle | None = None,
        fourth: sockets.PortraitHandle | None = None,
    ) -> io.NodeOutput:
        handles = [one for one in (first, second, third, fourth) if one is not None]
        portraits = [portrait for one in handles for portrait in one.joined]
        return io.NodeOutput(sockets.PortraitHandle(portraits[0], tuple(portraits[1:])))


class SavePortrait(io.ComfyNode):
    """Save Portrait."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SavePortrait",
            "Save Portrait",
            description=(
                "Keeps a person as a small .safetensors file below output/itportrait, for Load Portrait."
            ),
            search_aliases=["keep face", "export latent"],
            inputs=[
                sockets.PortraitSocket.Input("portrait", tooltip="The person to keep."),
                fields.file_name("portrait"),
                recipes.private(),
            ],
            outputs=[],
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def execute(cls, portrait: sockets.PortraitHandle, name: str, private: bool = False) -> io.NodeOutput:
        from ..itportrait_core.checkpoints.tensor_file import attach
        from ..itportrait_core.recipes.drawing import portrait_card

        card = portrait_card(portrait.portrait, recipes.programs())
        with folders.new(name, folders.OURS) as place:
            portrait.portrait.save(place.draft)
            attach(place.draft, recipes.notes(cls.hidden, card, private))
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {place.path.name}"))


class LoadPortrait(io.ComfyNode):
    """Load Portrait."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "LoadPortrait",
            "Load Portrait",
            description=(
                "Opens a person that Save Portrait kept. It fits the generator it was made with, and every "
                "style made from that one."
            ),
            search_aliases=["open face", "import latent"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=files_of("portrait") or [NONE],
                    tooltip="A portrait file in models/itportrait or output/itportrait.",
                )
            ],
            outputs=[
                sockets.PortraitSocket.Output(
                    display_name="portrait", tooltip="The person: latent, camera and picture."
                ),
                io.Image.Output(display_name="image", tooltip="The picture of that person."),
                io.String.Output(display_name="report", tooltip="How the portrait was made, as JSON."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, file: str) -> str:
        return sockets.file_hash(folders.model(file))

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        person = itp.Portrait.load(folders.model(file))
        return io.NodeOutput(
            sockets.PortraitHandle(person), to_comfy(person.image), json.dumps(person.report, indent=1)
        )
