"""A live head as one page for anybody's browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from . import compat, fields, folders, recipes, sockets
from .live_file import gathered, packed
from .live_inputs import camera_of, chosen_view, generators_and_people, no_colour

if TYPE_CHECKING:
    from .graph_facts import Graph

WEB = Path(__file__).resolve().parents[1] / "web"


class ExportLiveHead(io.ComfyNode):
    """Export Live Head."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "ExportLiveHead",
            "Export Live Head",
            description=(
                "Keeps a live head as one .html file below output/itportrait. It opens from disk in any"
                " current browser, phones too, and fetches nothing; the licence of the weights stands in it."
            ),
            search_aliases=["share", "html", "web page", "interactive"],
            inputs=[
                sockets.Generator.Input(
                    "generator", tooltip="Whose style is drawn; with others, their base."
                ),
                *generators_and_people(),
                *chosen_view(),
                fields.file_name("live head"),
                recipes.private(),
            ],
            outputs=[],
            advanced=("truncation", "roll", "fov", "strength", "person", "shading", "background"),
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def refuse(cls, inputs: Mapping[str, Any], graph: Graph) -> str:
        return no_colour(inputs.get("background"))

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        person_seed: int,
        truncation: float,
        name: str,
        private: bool,
        **inputs: object,
    ) -> io.NodeOutput:
        from ..itportrait_core.live.page import page, texts

        chosen: Mapping[str, Any] = inputs
        handles, people = gathered(generator, person_seed, truncation, chosen)
        nameless = private or not recipes.typed()
        state = {key: chosen[key] for key in ("fade", "strength", "person", "shading", "background")}
        data = packed(handles, people, camera_of(chosen), private=nameless, state=state)
        terms = sorted({handle.license or "The licence of the weights is not known." for handle in handles})
        text = page(
            data,
            texts(WEB),
            title="Live head" if nameless else name.rpartition("/")[2],
            license="Weights: " + " ".join(terms),
            recipe="" if nameless else recipes.head_text(handles, people),
        )
        with folders.new(name, ".html") as place:
            place.draft.write_bytes(text.encode())
        size = place.path.stat().st_size / 1e6
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {place.path.name}, {size:.1f} MB"))
