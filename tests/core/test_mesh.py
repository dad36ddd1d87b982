"""Meshes: closed, the right shape and colours, and a file that glTF readers accept."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
import torch
import trimesh

import itportrait_core as itp
from benchmarks.rasters import silhouette
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.rendering import cameras
from itportrait_core.rendering.density import OUTSIDE, blur, density_grid
from itportrait_core.rendering.glb import glb_bytes, srgb_to_linear
from itportrait_core.rendering.marching_cubes import marching_cubes
from itportrait_core.rendering.mesh import Mesh, MeshConfig, extract_mesh
from itportrait_core.rendering.surface import connected, main_pieces
from tests.core.toy_head import ToyHead, colors, distance, toy_ws


def solid(vertices: torch.Tensor, faces: torch.Tensor) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=96))


@pytest.mark.parametrize("seed", range(4))
def test_surfaces_of_pure_noise_have_no_cracks(seed):
    """Noise holds every one of the 256 cases beside every other."""
    noise = torch.randn(16, 15, 14, generator=torch.Generator().manual_seed(seed))
    vertices, faces = marching_cubes(torch.nn.functional.pad(noise, (1,) * 6, value=-9.0), 0.2)
    shape = solid(vertices, faces)
    assert shape.is_watertight and shape.is_winding_consistent
    assert shape.volume > 0
    edges = np.sort(shape.edges, axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_a_ball_has_its_volume_and_lies_on_the_level():
    axis = torch.linspace(-1, 1, 40)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    vertices, faces = marching_cubes(0.7 - (x * x + 1.5 * y * y + z * z).sqrt(), 0.0)
    vertices = vertices * (2 / 39) - 1
    radius = (vertices**2 * torch.tensor([1.0, 1.5, 1.0])).sum(1).sqrt()
    torch.testing.assert_close(radius, torch.full_like(radius, 0.7), atol=2e-3, rtol=0)
    assert solid(vertices, faces).volume == pytest.approx(4 / 3 * np.pi * 0.343 / 1.5**0.5, rel=0.01)


def test_an_empty_grid_gives_an_empty_mesh():
    vertices, faces = marching_cubes(torch.zeros(5, 5, 5), 1.0)
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_pieces_are_told_apart_and_the_largest_kept():
    grid = torch.zeros(30, 12, 12)
    grid[2:5, 4:8, 4:8] = 1.0
    grid[8:28, 2:10, 2:10] = 1.0
    vertices, faces = marching_cubes(grid, 0.5)
    assert len(connected(faces, len(vertices)).unique()) == 2
    kept, renumbered = main_pieces(vertices, faces, 1.0)
    assert float(kept[:, 0].min()) > 6.0
    assert solid(kept, renumbered).is_watertight
    assert len(main_pieces(vertices, faces, 0.0)[0]) == len(vertices)


def test_hollows_are_filled():
    grid = torch.zeros(14, 14, 14)
    grid[2:12, 2:12, 2:12] = 1.0
    grid[5:9, 5:9, 5:9] = 0.0
    kept, _ = main_pieces(*marching_cubes(grid, 0.5), 0.0)
    assert float((kept - 6.5).abs().amax(1).min()) > 4.0


def test_long_chains_count_as_one_piece():
    chain = torch.arange(5000)
    faces = torch.stack((chain, chain + 1, chain + 2), 1)[
        torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    ]
    assert bool((connected(faces, 5002) == 0).all())


def test_head_mesh_is_closed_and_lies_on_the_surface(mesh):
    shape = solid(mesh.vertices, mesh.faces)
    assert shape.is_watertight and shape.is_winding_consistent and shape.volume > 0
    assert shape.body_count == 1
    assert float(distance(mesh.vertices).abs().max()) < 0.02


def test_outline_of_the_mesh_is_that_of_the_pictures(mesh):
    """Silhouette IoU with the volume render, by ray casting, over views that the level search did not use."""
    head, views = ToyHead(), cameras.orbit([0.0, 30.0, -75.0, 150.0], [25.0, -20.0, 5.0, 0.0])
    seen = head.render(head.planes(toy_ws()), toy_ws(), views).image_weights > 0.5
    for c, mask in zip(views, seen, strict=True):
        hit = silhouette(mesh, c[None], mask.shape[-1])
        iou = float((hit & mask[0]).sum() / (hit | mask[0]).sum())
        assert iou > 0.97


def test_vertices_have_the_colours_and_normals_of_the_surface(mesh):
    assert float((mesh.colors - colors(mesh.vertices)).abs().mean()) * 255 < 4
    points = mesh.vertices.clone().requires_grad_()
    slope = torch.nn.functional.normalize(torch.autograd.grad(distance(points).sum(), points)[0], dim=-1)
    assert float((mesh.normals * slope).sum(1).mean()) > 0.99
    torch.testing.assert_close(mesh.normals.norm(dim=1), torch.ones(len(mesh.normals)))


def test_trimmed_sides_are_capped():
    cut = extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=48, trim=0.25, level=5.0))
    assert float(cut.vertices.abs().max()) < 0.26
    assert solid(cut.vertices, cut.faces).is_watertight


def test_what_no_picture_shows_is_not_meshed():
    """Density before the ray limits or off the frame is arbitrary; a wall there must not hide the face."""

    class Walled(ToyHead):
        def field(self, planes, points):
            features, sigma = super().field(planes, points)
            wall = (points[..., 2:] > 0.47) | (points[..., :1].abs() > 0.49)
            return features, torch.where(wall, 300.0, sigma)

    grid = density_grid(Walled(near=2.25), torch.zeros(1, 3, 4, 128, 128), 48)
    assert float(grid[:, :, -2].max()) == OUTSIDE
    assert float(grid[24, 24, 30]) > 100.0


def test_skipping_empty_space_changes_no_vertex():
    """The embedded head at a level that cuts deep and at one in its fog, with and without the coarse look;
    specks are dropped from both, as they are by default."""
    generator = itp.load_generator("pocket")
    with torch.no_grad():
        planes = generator.planes(sample_portrait(generator, 3).ws)
        whole = density_grid(generator, planes, 64)
        for level in (0.5, 25.0):
            skipped = density_grid(generator, planes, 64, floor=min(level, 2.0))
            assert float((skipped > OUTSIDE).float().mean()) < 0.6 * float((whole > OUTSIDE).float().mean())
            (vertices, faces), (expected, wanted) = (
                main_pieces(*marching_cubes(grid, level), MeshConfig().least_piece)
                for grid in (skipped, whole)
            )
            assert len(expected) > 1000 and torch.equal(faces, wanted)
            torch.testing.assert_close(vertices, expected, atol=1e-4, rtol=0)


def test_smoothing_takes_the_nose_before_the_head():
    sharp, soft = (
        extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=48, level=5.0, smoothing=s))
        for s in (0.0, 2.5)
    )
    assert float(soft.vertices[:, 2].max()) < float(sharp.vertices[:, 2].max()) - 0.01
    assert abs(float(soft.vertices[:, 1].max() - sharp.vertices[:, 1].max())) < 0.02


def test_blur_keeps_the_sum_and_the_axes():
    grid = torch.zeros(15, 17, 19)
    grid[7, 8, 9] = 1.0
    soft = blur(grid, 1.0)
    assert float(soft.sum()) == pytest.approx(1.0, abs=1e-4)
    assert float(soft[7, 8, 9]) == pytest.approx(float(soft.max()))
    assert float(soft[6, 8, 9]) == pytest.approx(float(soft[7, 8, 10]), rel=1e-4)


def test_progress_can_stop_the_run():
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=32), stop)


def test_unusable_settings_are_refused():
    with pytest.raises(ITPortraitError, match="resolution"):
        MeshConfig(resolution=4096)
    with pytest.raises(ITPortraitError, match="trimmed"):
        MeshConfig(trim=0.6)
    with pytest.raises(ITPortraitError, match="lower the level"):
        extract_mesh(ToyHead(), toy_ws(), MeshConfig(resolution=32, level=5000.0))


def test_glb_reads_back_as_the_same_mesh(mesh):
    data = glb_bytes(mesh, {"recipe": "unit test"})
    again = trimesh.load(io.BytesIO(data), file_type="glb", force="mesh", process=False)
    np.testing.assert_array_equal(again.vertices, mesh.vertices.double().numpy())
    np.testing.assert_array_equal(again.faces, mesh.faces.numpy())
    assert again.is_watertight


def test_glb_obeys_the_rules_of_gltf(mesh):
    data = glb_bytes(mesh, {"recipe": {"seed": 7}})
    document, binary = chunks(data)
    assert document["asset"] == {
        "version": "2.0",
        "generator": "ITportrait",
        "extras": {"recipe": {"seed": 7}},
    }
    assert document["buffers"] == [{"byteLength": len(binary)}]
    primitive = document["meshes"][0]["primitives"][0]
    size = {5126: 4, 5123: 2, 5125: 4}
    width = {"VEC3": 3, "VEC4": 4, "SCALAR": 1}
    end = 0
    for view, accessor in zip(document["bufferViews"], document["accessors"], strict=True):
        stride = size[accessor["componentType"]] * width[accessor["type"]]
        assert (
            view["byteOffset"] % 4 == 0
            and view["byteOffset"] >= end
            and stride % size[accessor["componentType"]] == 0
        )
        assert view["byteLength"] == accessor["count"] * stride
        end = view["byteOffset"] + view["byteLength"]
    assert end <= len(binary)
    position = document["accessors"][primitive["attributes"]["POSITION"]]
    points = np.frombuffer(binary, "<f4", position["count"] * 3).reshape(-1, 3)
    assert position["min"] == points.min(0).tolist() and position["max"] == points.max(0).tolist()
    indices = document["accessors"][primitive["indices"]]
    offset = document["bufferViews"][indices["bufferView"]]["byteOffset"]
    faces = np.frombuffer(binary, "<u4", indices["count"], offset)
    assert faces.max() < position["count"] and indices["count"] % 3 == 0
    normals = document["accessors"][primitive["attributes"]["NORMAL"]]
    offset = document["bufferViews"][normals["bufferView"]]["byteOffset"]
    stored = np.frombuffer(binary, "<f4", normals["count"] * 3, offset).reshape(-1, 3)
    np.testing.assert_array_equal(stored, mesh.normals.numpy())


def test_glb_colours_are_linear(mesh):
    document, binary = chunks(glb_bytes(mesh))
    accessor = document["accessors"][2]
    assert accessor["normalized"] and accessor["type"] == "VEC4"
    offset = document["bufferViews"][2]["byteOffset"]
    stored = np.frombuffer(binary, "<u2", accessor["count"] * 4, offset).reshape(-1, 4) / 65535
    np.testing.assert_allclose(stored[:, :3], srgb_to_linear(mesh.colors).numpy(), atol=1e-4)
    assert (stored[:, 3] == 1).all()
    assert float(srgb_to_linear(torch.tensor(0.5))) == pytest.approx(0.2140, abs=1e-4)


def chunks(data: bytes) -> tuple[dict, bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    rest = 20 + size
    extent, second = struct.unpack_from("<I4s", data, rest)
    assert second == b"BIN\0" and extent % 4 == 0 and rest + 8 + extent == len(data)
    return json.loads(data[20:rest]), data[rest + 8 :]
