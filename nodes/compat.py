"""What newer ComfyUI versions understand and 0.3.75 does not: said once, dropped where unknown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

from comfy_api.latest import Types, io

from ..itportrait_core.errors import ITPortraitError

if TYPE_CHECKING:
    from ..itportrait_core.rendering.mesh import Mesh

Input = TypeVar("Input", bound=io.Input)

CATEGORY = "ITportrait"
_KNOWN = {field.name for field in dataclasses.fields(io.Schema)}


def schema(node_id: str, display_name: str, **fields: object) -> io.Schema:
    """An `io.Schema` in our category; fields that this ComfyUI does not know are left out.

    `search_aliases` needs 0.11, `essentials_category` 0.15.
    """
    known = {name: value for name, value in fields.items() if name in _KNOWN}
    return io.Schema(node_id=f"ITportrait_{node_id}", display_name=display_name, category=CATEGORY, **known)


def view(kind: str) -> io.Input:
    """An input that carries nothing: the browser draws a view of the node's other widgets there."""
    return io.Custom(kind).Input(
        "view",
        optional=True,
        tooltip="Shows and sets the values of this node.",
        extra_dict={"socketless": True},
    )


def from_mesh(core: Types.MESH) -> Mesh:
    """Our mesh of the core's; where colours are missing it is grey, where normals are, they follow the faces.

    Raises:
        ITPortraitError: for a batch of meshes.
    """
    from ..itportrait_core.rendering.mesh import Mesh
    from ..itportrait_core.rendering.surface import vertex_normals

    if core.vertices.shape[0] != 1:
        raise ITPortraitError(f"One mesh is saved at a time, got a batch of {core.vertices.shape[0]}.")
    vertices, faces = core.vertices[0].cpu().float(), core.faces[0].cpu().long()
    colors, normals = getattr(core, "vertex_colors", None), getattr(core, "vertex_normals", None)
    return Mesh(
        vertices,
        faces,
        vertex_normals(vertices, faces) if normals is None else normals[0].cpu().float(),
        vertices.new_full(vertices.shape, 0.75) if colors is None else colors[0, :, :3].cpu().float(),
    )


def mesh(core_mesh: Mesh) -> Types.MESH:
    """The core's MESH; colours and normals ride along, for consumers that look for them."""
    core = Types.MESH(vertices=core_mesh.vertices[None].cpu(), faces=core_mesh.faces[None].cpu())
    core.vertex_colors, core.vertex_normals = core_mesh.colors[None].cpu(), core_mesh.normals[None].cpu()
    return core
