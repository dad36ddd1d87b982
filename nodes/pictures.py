"""Style pictures that come with the pack, so that every example workflow runs as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from comfy_api.latest import io
from PIL import Image

from ..itportrait_core.errors import ITPortraitError
from . import compat

FOLDER = Path(__file__).resolve().parents[1] / "example_workflows" / "pictures"


class ExamplePicture(io.ComfyNode):
    """Example Style Picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        names = sorted(file.stem for file in FOLDER.glob("*.png"))
        return compat.schema(
            "ExamplePicture",
            "Example Style Picture",
            description=(
                "A style picture that comes with the pack, to try the examples with. Use Load Image for your"
                " own."
            ),
            search_aliases=["sample image", "style image"],
            inputs=[
                io.Combo.Input(
                    "picture",
                    options=names,
                    tooltip="The look that the portraits are to take on, and a person.",
                )
            ],
            outputs=[
                io.Image.Output(
                    display_name="image", tooltip="The picture, framed as the embedded family wants it."
                )
            ],
        )

    @classmethod
    def execute(cls, picture: str) -> io.NodeOutput:
        if picture not in {file.stem for file in FOLDER.glob("*.png")}:
            raise ITPortraitError(f"There is no example picture {picture!r}; choose one from the list.")
        with Image.open(FOLDER / f"{picture}.png") as opened:
            values = np.asarray(opened.convert("RGB"), dtype=np.float32) / 255
        return io.NodeOutput(torch.from_numpy(values)[None])
