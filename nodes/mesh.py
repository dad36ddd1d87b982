"""The head as a thing of its own: triangles, or Gaussian splats."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from comfy_api.latest import Types, io, ui

from . import compat, fields, folders, recipes, runtime, sockets
from .fields import real

if TYPE_CHECKING:
    from ..itportrait_core.recipes.card import Card


def head(fineness: str) -> list[io.Input]:
    """Whose head is made into a thing of its own, and how finely."""
    return [
        sockets.Generator.Input("generator", tooltip="Whose style the head has."),
        sockets.PortraitSocket.Input("portrait", tooltip="Whose head it is."),
        io.Int.Input("resolution", default=192, min=32, max=512, step=8, tooltip=fineness),
    ]


class ExtractMesh(io.ComfyNode):
    """Extract Mesh."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "ExtractMesh",
            "Extract Mesh",
            description=(
                "The head as a closed triangle mesh with vertex colours, for Save GLB and Preview 3D."
            ),
            search_aliases=["mesh", "glb", "marching cubes", "3d model"],
            advanced=("smoothing", "level", "least_piece"),
            inputs=[
                *head("Fineness: points along each side. 96 draft, 192 good, 320 fine and slow."),
                real(
                    "smoothing",
                    0.0,
                    0.0,
                    8.0,
                    "Rounds off steps and noise. 0 as it is, 1 smooth, above 2 melts.",
                    0.1,
                ),
                real(
                    "level",
                    0.0,
                    0.0,
                    100.0,
                    "Density at which the surface lies. 0 finds the one that pictures show; official exports"
                    " use 10; higher cuts deeper.",
                    0.5,
                ),
                real(
                    "least_piece",
                    0.01,
                    0.0,
                    1.0,
                    "Drops loose pieces smaller than this share of the largest. 0 keeps every speck, 1 only"
                    " the largest piece.",
                    0.01,
                ),
            ],
            outputs=[
                io.Mesh.Output(display_name="mesh", tooltip="The head, y up, face towards +z."),
                sockets.Recipe.Output(display_name="recipe", tooltip="How the mesh was made, for Save Mesh."),
            ],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        resolution: int,
        smoothing: float,
        level: float = 0.0,
        least_piece: float = 0.01,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.shared.portrait import check_fits
        from ..itportrait_core.rendering.mesh import MeshConfig, extract_mesh

        model, person = generator.open(), portrait.portrait
        check_fits(model, person)
        config = MeshConfig(
            resolution=resolution, smoothing=smoothing, level=level or None, least_piece=least_piece
        )
        made = extract_mesh(model, person.ws, config, runtime.Progress().count)
        return io.NodeOutput(compat.mesh(made), recipes.head_card("mesh", generator, person, config))


class SaveMesh(io.ComfyNode):
    """Save Mesh (GLB)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SaveMesh",
            "Save Mesh (GLB)",
            description=(
                "Keeps a mesh with its colours and normals as a .glb file below output/itportrait, with the"
                " recipe and the workflow inside: drop it on the canvas and the graph is back."
            ),
            search_aliases=["glb", "gltf", "export mesh"],
            inputs=[
                io.Mesh.Input("mesh", tooltip="From Extract Mesh."),
                sockets.Recipe.Input("recipe", tooltip="The recipe that Extract Mesh gives with it."),
                fields.file_name("mesh"),
                recipes.private(),
            ],
            outputs=[
                io.String.Output(
                    display_name="model_file", tooltip="The file's name as Preview 3D takes it."
                ),
                io.Custom("FILE_3D_GLB").Output(
                    display_name="file", tooltip="The file itself, for 3D nodes of ComfyUI 0.23 or newer."
                ),
            ],
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def execute(cls, mesh: Types.MESH, recipe: Card, name: str, private: bool) -> io.NodeOutput:
        from ..itportrait_core.recipes.card import bytes_hash
        from ..itportrait_core.rendering.glb import glb_bytes

        recipes.expect(recipe, "mesh", "Extract Mesh")
        made = compat.from_mesh(mesh)
        card = dataclasses.replace(recipe, proof=bytes_hash(made.vertices, made.faces))
        with folders.new(name, ".glb") as place:
            place.draft.write_bytes(glb_bytes(made, recipes.notes(cls.hidden, card, private)))
        item = folders.preview_of(place.path)
        name = f"{item['subfolder']}/{item['filename']}"
        return io.NodeOutput(name, compat.file_3d(place.path), ui={"3d": [item]})


class SaveSplats(io.ComfyNode):
    """Save Splats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SaveSplats",
            "Save Splats",
            description=(
                "Keeps the head as Gaussian splats, a .ply file below output/itportrait that splat viewers"
                " and game engines read; its recipe and workflow stand behind the splats."
            ),
            search_aliases=["gaussian splatting", "ply", "point cloud"],
            inputs=[
                *head("Fineness: splats along each side. 96 draft, 192 good, 320 fine and large."),
                fields.file_name("splats"),
                recipes.private(optional=True),
            ],
            outputs=[
                io.Custom("SPLAT").Output(
                    display_name="splat", tooltip="The splats, for splat nodes of ComfyUI 0.23 or newer."
                ),
                io.Custom("FILE_3D_PLY").Output(
                    display_name="file", tooltip="The file itself, for 3D nodes of ComfyUI 0.23 or newer."
                ),
            ],
            hidden=recipes.HIDDEN,
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        resolution: int,
        name: str,
        private: bool = False,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.shared.portrait import check_fits
        from ..itportrait_core.recipes.card import bytes_hash
        from ..itportrait_core.rendering.ply import ply_bytes
        from ..itportrait_core.rendering.splat import SplatConfig, sample_splats

        folders.safe_name(name)  # said before the work, not after it
        model, person = generator.open(), portrait.portrait
        check_fits(model, person)
        config = SplatConfig(resolution=resolution)
        made = sample_splats(model, person.ws, config, runtime.Progress().count)
        card = recipes.head_card("splats", generator, person, config)
        card = dataclasses.replace(card, proof=bytes_hash(made.centers, made.colors))
        with folders.new(name, ".ply") as place:
            place.draft.write_bytes(ply_bytes(made, recipes.notes(cls.hidden, card, private)))
        about = ui.PreviewText(f"Saved {place.path.name}")
        return io.NodeOutput(compat.splat(made), compat.file_3d(place.path), ui=about)
