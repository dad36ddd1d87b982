"""Keep a style as a file that anyone can load."""

from __future__ import annotations

from comfy_api.latest import io, ui

from .. import itportrait_core as itp
from . import compat, folders, sockets

AS_IS, HALF = "as it is", "half"


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
                    options=[AS_IS, HALF],
                    default=AS_IS,
                    tooltip="half makes the file half as large; pictures change by less than one grey level.",
                ),
            ],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, generator: sockets.GeneratorHandle, name: str, precision: str) -> io.NodeOutput:
        import torch

        file = folders.result(name, folders.OURS)
        dtype = torch.float16 if precision == HALF else None
        itp.save_generator(
            itp.load_generator(generator.path),
            file,
            generator.lineage,
            dtype=dtype,
            license=generator.license,
        )
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {file.name}"))
