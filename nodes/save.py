"""Keep a style as a file that anyone can load."""

from __future__ import annotations

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from . import comfy, compat, folders, sockets

AS_IS, HALF, DIFFERENCE, SMALL = "as it is", "half", "difference", "small difference"
SMALL_MB = 9.0
"""Budget of the weights of a small difference, MiB; with the run's history the file stays below 10 MB."""


class SaveGenerator(io.ComfyNode):
    """Save Generator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SaveGenerator",
            "Save Generator",
            description=(
                "Keeps a generator as a .safetensors file below output/itportrait. It carries its whole "
                "history and stands in EG3D Loader's list at once; put it into models/itportrait to share it."
            ),
            search_aliases=["export style", "save style"],
            inputs=[
                sockets.Generator.Input("generator", tooltip="The style to keep."),
                io.String.Input(
                    "name", default="style", tooltip="File name; '/' makes a sub-folder. A number is added."
                ),
                io.Combo.Input(
                    "precision",
                    options=[AS_IS, HALF, DIFFERENCE, SMALL],
                    default=AS_IS,
                    tooltip=(
                        "half makes the file half as large; pictures change by less than one grey level."
                        " difference keeps only what differs from the base, and needs it again to be loaded;"
                        " small difference also drops what matters least, to stay below 10 MB."
                    ),
                ),
                sockets.Generator.Input(
                    "base",
                    optional=True,
                    tooltip="For a difference: the generator that the style was trained from.",
                ),
            ],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        name: str,
        precision: str,
        base: sockets.GeneratorHandle | None = None,
    ) -> io.NodeOutput:
        import torch

        file = folders.result(name, folders.OURS)
        if precision in (DIFFERENCE, SMALL):
            if base is None:
                raise ITPortraitError(
                    "A difference needs its base; connect the generator that the style was trained from."
                )
            with comfy.plain_tensors():
                style, origin = itp.load_generator(generator.path), itp.load_generator(base.path)
                style.lineage = dict(generator.lineage)
                itp.save_style(style, origin, file, budget_mb=SMALL_MB if precision == SMALL else 0.0)
            return io.NodeOutput(ui=ui.PreviewText(f"Saved {file.name}"))
        dtype = torch.float16 if precision == HALF else None
        itp.save_generator(
            itp.load_generator(generator.path),
            file,
            generator.lineage,
            dtype=dtype,
            license=generator.license,
        )
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {file.name}"))
