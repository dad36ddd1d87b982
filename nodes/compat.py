"""What newer ComfyUI versions understand and 0.3.75 does not: said once, dropped where unknown."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from comfy_api.latest import Types, io

from ..itportrait_core.errors import ITPortraitError

if TYPE_CHECKING:
    from ..itportrait_core.rendering.mesh import Mesh
    from ..itportrait_core.rendering.splat import Splats

Input = TypeVar("Input", bound=io.Input)

CATEGORY = "ITportrait"
NORMALS = ("vertex_normals", "normals")
"""A mesh's normals: by our name, and by the core's since 0.33."""
SH_DC = 0.5 / math.sqrt(math.pi)
"""The constant spherical harmonic, by which SPLAT stores colours."""
STAYS: Any = getattr(getattr(io, "ControlAfterGenerate", None), "fixed", True)
"""What becomes of a seed after a run: it stays, where ComfyUI lets a node say so (0.33); elsewhere
web/itportrait.js sets it when a node is made."""
_KNOWN = {field.name for field in dataclasses.fields(io.Schema)}


def schema(
    node_id: str,
    display_name: str,
    *,
    inputs: list[io.Input],
    advanced: tuple[str, ...] = (),
    **fields: object,
) -> io.Schema:
    """An `io.Schema` in our category; fields that this ComfyUI does not know are left out.

    `search_aliases` needs 0.11, `has_intermediate_output` 0.19.

    Args:
        advanced: ids of widgets that stand in the fold of a node, from 0.10 on.
    """
    known: dict[str, Any] = {name: value for name, value in fields.items() if name in _KNOWN}
    known["hidden"] = [*known.get("hidden", ()), io.Hidden.unique_id]  # nodes/queued.py
    for item in inputs:
        if item.id in advanced and hasattr(item, "advanced"):
            item.advanced = True
    return io.Schema(
        node_id=f"ITportrait_{node_id}", display_name=display_name, category=CATEGORY, inputs=inputs, **known
    )


def view(kind: str) -> io.Input:
    """An input that carries nothing: the browser draws a view of the node's other widgets there."""
    return io.Custom(kind).Input(
        "view",
        optional=True,
        tooltip="Shows and sets the values of this node.",
        extra_dict={"socketless": True},
    )


def from_mesh(core: Types.MESH) -> Mesh:
    """Our mesh of the core's, whose colours are linear light; where colours are missing it is grey, where
    normals are, they follow the faces.

    Raises:
        ITPortraitError: for a batch of meshes.
    """
    from ..itportrait_core.rendering.glb import linear_to_srgb
    from ..itportrait_core.rendering.mesh import Mesh
    from ..itportrait_core.rendering.surface import vertex_normals

    if core.vertices.shape[0] != 1:
        raise ITPortraitError(f"One mesh is saved at a time, got a batch of {core.vertices.shape[0]}.")
    vertices, faces = core.vertices[0].cpu().float(), core.faces[0].cpu().long()
    colors = getattr(core, "vertex_colors", None)
    normals = next((given for name in NORMALS if (given := getattr(core, name, None)) is not None), None)
    return Mesh(
        vertices,
        faces,
        vertex_normals(vertices, faces) if normals is None else normals[0].cpu().float(),
        vertices.new_full(vertices.shape, 0.75)
        if colors is None
        else linear_to_srgb(colors[0, :, :3].cpu().float()),
    )


def mesh(core_mesh: Mesh) -> Types.MESH:
    """The core's MESH. 0.3.75 knows no colours and normals; there they ride along, for who looks for them."""
    from ..itportrait_core.rendering.glb import srgb_to_linear

    core = Types.MESH(vertices=core_mesh.vertices[None].cpu(), faces=core_mesh.faces[None].cpu())
    core.vertex_colors = srgb_to_linear(core_mesh.colors[None].cpu())
    for name in NORMALS:
        setattr(core, name, core_mesh.normals[None].cpu())
    return core


def splat(made: Splats) -> object:
    """The core's SPLAT, 0.23 or newer; our own splats where there is none."""
    if not hasattr(Types, "SPLAT"):
        return made
    sh = (made.colors - 0.5) / SH_DC
    parts = (made.centers, made.scales, made.rotations, made.opacities[:, None], sh[:, None])
    return Types.SPLAT(*(part[None].cpu().float() for part in parts))


def file_3d(path: Path) -> object:
    """A saved file as the core's FILE_3D, 0.12 or newer; its path where there is none."""
    return Types.File3D(str(path)) if hasattr(Types, "File3D") else str(path)
