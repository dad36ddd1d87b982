"""Khronos' validator finds nothing to say about our GLB files."""

from __future__ import annotations

from pathlib import Path

import torch
from harness import gltf

from itportrait_core.rendering.glb import glb_bytes
from itportrait_core.rendering.mesh import Mesh, MeshConfig, extract_mesh
from tests.core.toy_head import ToyHead, toy_ws


def said(mesh: Mesh, folder: Path) -> list[str]:
    """Errors, warnings and hints about a mesh's file."""
    file = folder / "head.glb"
    file.write_bytes(glb_bytes(mesh, {"itportrait_recipe": "{}", "workflow": '{"nodes": []}'}))
    found = gltf.report(file)
    assert found["info"]["totalVertexCount"] == len(mesh.vertices)
    assert found["info"]["totalTriangleCount"] == len(mesh.faces)
    return [f"{issue['code']} {issue['message']}" for issue in found["issues"]["messages"]]


def test_a_head_is_valid(tmp_path: Path) -> None:
    assert said(extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=64)), tmp_path) == []


def test_the_validator_would_notice(tmp_path: Path) -> None:
    """Normals that are not of length one are an error: the check is alive."""
    mesh = extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=32))
    broken = Mesh(mesh.vertices, mesh.faces, 2 * mesh.normals, mesh.colors)
    assert any("ACCESSOR_VECTOR3_NON_UNIT" in issue for issue in said(broken, tmp_path))


def test_colours_beyond_their_range_are_held(tmp_path: Path) -> None:
    mesh = extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=32))
    wild = Mesh(mesh.vertices, mesh.faces, mesh.normals, torch.where(mesh.colors > 0.5, 1.0, 0.0))
    assert said(wild, tmp_path) == []
