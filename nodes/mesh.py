"""The head as a thing of its own: triangles, or Gaussian splats."""

from __future__ import annotations

from comfy_api.latest import io, ui

from . import comfy, compat, folders, sockets


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
            inputs=[
                sockets.Generator.Input("generator", tooltip="Whose style the head has."),
                sockets.PortraitSocket.Input("portrait", tooltip="Whose head it is."),
                io.Int.Input(
                    "resolution",
                    default=192,
                    min=32,
                    max=512,
                    step=8,
                    tooltip="Fineness: points along each side. 96 draft, 192 good, 320 fine and slow.",
                ),
                io.Float.Input(
                    "smoothing",
                    default=0.0,
                    min=0.0,
                    max=8.0,
                    step=0.1,
                    round=False,
                    tooltip="Rounds off steps and noise. 0 as it is, 1 smooth, above 2 melts.",
                ),
            ],
            outputs=[io.Mesh.Output(display_name="mesh", tooltip="The head, y up, face towards +z.")],
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        resolution: int,
        smoothing: float,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.portrait import check_fits
        from ..itportrait_core.rendering.mesh import MeshConfig, extract_mesh

        model = generator.open()
        check_fits(model, portrait.portrait)
        config = MeshConfig(resolution=resolution, smoothing=smoothing)
        return io.NodeOutput(
            compat.mesh(extract_mesh(model, portrait.portrait.ws, config, comfy.Progress().count))
        )


class SaveSplats(io.ComfyNode):
    """Save Splats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return compat.schema(
            "SaveSplats",
            "Save Splats",
            description=(
                "Keeps the head as Gaussian splats, a .ply file below output/itportrait that splat viewers"
                " and game engines read."
            ),
            search_aliases=["gaussian splatting", "ply", "point cloud"],
            inputs=[
                sockets.Generator.Input("generator", tooltip="Whose style the head has."),
                sockets.PortraitSocket.Input("portrait", tooltip="Whose head it is."),
                io.Int.Input(
                    "resolution",
                    default=192,
                    min=32,
                    max=512,
                    step=8,
                    tooltip="Fineness: splats along each side. 96 draft, 192 good, 320 fine and large.",
                ),
                io.String.Input(
                    "name", default="splats", tooltip="File name; '/' makes a sub-folder. A number is added."
                ),
            ],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        generator: sockets.GeneratorHandle,
        portrait: sockets.PortraitHandle,
        resolution: int,
        name: str,
    ) -> io.NodeOutput:
        from ..itportrait_core.methods.portrait import check_fits
        from ..itportrait_core.rendering.splat import SplatConfig, ply_bytes, sample_splats

        file = folders.result(name, ".ply")
        model = generator.open()
        check_fits(model, portrait.portrait)
        found = sample_splats(
            model, portrait.portrait.ws, SplatConfig(resolution=resolution), comfy.Progress().count
        )
        folders.write(file, ply_bytes(found, comment=f"base {generator.sha256}"))
        return io.NodeOutput(ui=ui.PreviewText(f"Saved {file.name}"))
