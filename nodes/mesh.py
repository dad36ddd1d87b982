"""The head as triangles."""

from __future__ import annotations

from comfy_api.latest import io

from . import comfy, compat, sockets


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
