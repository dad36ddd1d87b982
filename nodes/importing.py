"""Bring official checkpoints in."""

from __future__ import annotations

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from . import compat, folders, runtime
from .model_files import FOREIGN, files_of

NONE = "(no file found)"


class ImportCheckpoint(io.ComfyNode):
    """Import Official Checkpoint."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "ImportCheckpoint",
            "Import Official Checkpoint",
            description=(
                "Turns a published checkpoint in models/itportrait (EG3D, StyleGAN2, e4e, ReStyle,"
                " Deep3DFaceRecon, ArcFace) into a .safetensors file that our loaders list. Code inside it is"
                " never run."
            ),
            search_aliases=["convert", "pkl", "pickle", "eg3d", "stylegan2", "e4e"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[*folders.models(*folders.OFFICIAL), *files_of(FOREIGN)] or [NONE],
                    tooltip=(
                        "A .pkl, .pt, .pth or .bin file in models/itportrait, or a .safetensors file there"
                        " that is not of this pack."
                    ),
                ),
                io.Boolean.Input(
                    "discriminator",
                    default=False,
                    tooltip="Also keep the discriminator. Nothing here needs it.",
                ),
            ],
            outputs=[io.String.Output(display_name="files", tooltip="The new files, one name a line.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, file: str, discriminator: bool) -> io.NodeOutput:
        if file == NONE:
            raise ITPortraitError(
                "There is no checkpoint to import. Put one into models/itportrait, then press R."
            )
        source = folders.model(file)
        progress = runtime.Progress()
        written = itp.import_checkpoint(
            source, f"{folders.results_folder()}/", discriminator=discriminator, on_progress=progress.count
        )
        names = "\n".join(path.name for path in written)
        return io.NodeOutput(names, ui=ui.PreviewText(names))
