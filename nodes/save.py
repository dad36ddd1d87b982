"""Keep a style or pictures as files that carry their recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui
from torch import Tensor

from .. import itportrait_core as itp
from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.networks.generator3d import Generator3D
from . import compat, fields, folders, recipes, runtime, sockets

if TYPE_CHECKING:
    from ..itportrait_core.recipes.card import Card
    from .graph_facts import Graph

AS_IS, HALF, DIFFERENCE, SMALL = "as it is", "half", "difference", "small difference"
NO_BASE = "A difference needs its base; connect the generator that the style was trained from."
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
                fields.file_name("style"),
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
                recipes.private(),
            ],
            outputs=[],
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        return NO_BASE if inputs.get("precision") in (DIFFERENCE, SMALL) and "base" not in inputs else ""

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        name: str,
        precision: str,
        base: sockets.GeneratorHandle | None = None,
        private: bool = False,
    ) -> io.NodeOutput:
        import torch

        from ..itportrait_core.checkpoints.tensor_file import attach
        from ..itportrait_core.recipes.drawing import difference_card, generator_card

        lineage = recipes.written_lineage(generator.lineage, private=private)
        with folders.new(name, folders.OURS) as place, runtime.plain_tensors():
            if precision in (DIFFERENCE, SMALL):
                budget = SMALL_MB if precision == SMALL else 0.0
                origin, source = write_difference(generator, base, lineage, place.draft, budget)
                card = difference_card(place.draft, origin, source, recipes.programs(), name=place.path.name)
            else:
                dtype = torch.float16 if precision == HALF else None
                itp.save_generator(
                    generator.weights(), place.draft, lineage, dtype=dtype, license=generator.license
                )
                card = generator_card(place.draft, recipes.programs(), name=place.path.name)
            attach(place.draft, recipes.notes(cls.hidden, card, private))
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {place.path.name}"))


def write_difference(
    generator: sockets.GeneratorHandle,
    base: sockets.GeneratorHandle | None,
    lineage: dict[str, Any],
    file: Path,
    budget_mb: float,
) -> tuple[Generator3D, Path]:
    """Write what a style changes in its base; returns the base and its file.

    Raises:
        ITPortraitError: without a base.
    """
    if base is None:
        raise ITPortraitError(NO_BASE)
    style, origin = generator.weights(), itp.load_generator(base.path)
    itp.save_style(style, origin, file, budget_mb=budget_mb, lineage=lineage)
    return origin, base.path


class SavePictures(io.ComfyNode):
    """Save Pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SavePictures",
            "Save Pictures",
            description=(
                "Keeps renders as .png files below output/itportrait, with the recipe and the workflow"
                " inside: drop one on the canvas and the graph is back; 'python -m itportrait_core verify'"
                " draws it again and compares."
            ),
            search_aliases=["save image", "recipe", "metadata", "png"],
            inputs=[
                io.Image.Input("images", tooltip="From Multi-View Render, as they are."),
                sockets.Recipe.Input("recipe", tooltip="The recipe that Multi-View Render gives with them."),
                fields.file_name("portrait"),
                recipes.private(),
            ],
            outputs=[],
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images: Tensor, recipe: Card, name: str, private: bool) -> io.NodeOutput:
        from ..itportrait_core.recipes.card import bytes_hash, to_pixels
        from ..itportrait_core.recipes.carriers import png_bytes

        recipes.expect(recipe, "picture", "Multi-View Render")
        views = 0 if recipe.cameras is None else len(recipe.cameras)
        if len(images) != views:
            raise ITPortraitError(
                f"The recipe is of {views} pictures, but {len(images)} came; connect both"
                " outputs of the same Multi-View Render."
            )
        files = []
        for view, image in enumerate(images):
            pixels = to_pixels(image)
            card = dataclasses.replace(recipe.for_view(view), proof=bytes_hash(pixels))
            with folders.new(name, ".png") as place:
                place.draft.write_bytes(png_bytes(pixels, recipes.notes(cls.hidden, card, private)))
            files.append(folders.preview_of(place.path))
        return io.NodeOutput(ui={"images": files})
