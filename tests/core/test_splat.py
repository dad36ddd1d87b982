"""Splats: they look like the volume, face outward, and their file is what viewers read."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmarks.rasters import draw_splats, psnr
from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras
from itportrait_core.rendering.ply import FIELDS, SH_ZERO, ply_bytes
from itportrait_core.rendering.splat import SplatConfig, Splats, rotation_to, sample_splats, stopped_light
from tests.core.toy_head import ToyHead, colors, distance, toy_ws


@pytest.fixture(scope="module")
def splats() -> Splats:
    return sample_splats(ToyHead(), toy_ws(), SplatConfig(resolution=80))


def test_splats_look_like_the_volume_from_all_sides(splats):
    head, views = ToyHead(side=96), cameras.orbit([0.0, 40.0, -90.0, 170.0], [0.0, 20.0, -15.0, 5.0])
    truth = head.render(head.planes(toy_ws()), toy_ws(), views).image_raw / 2 + 0.5
    noise = [psnr(draw_splats(splats, c[None], 96), picture) for c, picture in zip(views, truth, strict=True)]
    assert sum(noise) / len(noise) > 25.0


def test_only_the_shell_is_kept(splats):
    away = distance(splats.centers)[:, 0]
    assert float(away.max()) < 0.01 and float(away.min()) > -0.06
    assert len(splats.centers) < 60_000


def test_splats_lie_flat_on_the_surface_with_its_colours(splats):
    points = splats.centers.clone().requires_grad_()
    slope = torch.nn.functional.normalize(torch.autograd.grad(distance(points).sum(), points)[0], dim=-1)
    assert float((splats.normals * slope).sum(1).mean()) > 0.97
    assert float(splats.scales[:, 2].max()) < float(splats.scales[:, 0].min())
    sampled = splats.centers + splats.normals * SplatConfig().inset / 79
    torch.testing.assert_close(splats.colors, colors(sampled), atol=1e-5, rtol=0)


def test_quaternions_turn_the_z_axis_onto_the_normal():
    normals = torch.nn.functional.normalize(
        torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    normals = torch.cat((normals, torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])))
    w, x, y, z = rotation_to(normals).unbind(1)
    turned = torch.stack((2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)), 1)
    torch.testing.assert_close(turned, normals, atol=1e-5, rtol=0)
    torch.testing.assert_close(w * w + x * x + y * y + z * z, torch.ones(502))


def test_light_stops_at_the_first_wall_and_not_inside():
    optical = torch.zeros(9, 9, 9)
    optical[2:7, 2:7, 2:7] = 5.0
    stopped = stopped_light(optical)
    assert float(stopped[2, 4, 4]) == pytest.approx(1 - math.exp(-5), abs=1e-5)
    assert float(stopped[4, 4, 4]) < 1e-4
    assert float(stopped[0, 0, 0]) == 0.0


def test_ply_holds_the_usual_columns(splats):
    data = ply_bytes(splats)
    head, body = data.split(b"end_header\n", 1)
    lines = head.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert f"element vertex {len(splats.centers)}" in lines
    assert [line.split()[-1] for line in lines if line.startswith("property float")] == list(FIELDS)
    table = dict(zip(FIELDS, np.frombuffer(body, "<f4").reshape(-1, len(FIELDS)).T, strict=True))
    np.testing.assert_allclose(np.exp(table["scale_2"]), splats.scales[:, 2].numpy(), rtol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-table["opacity"])), splats.opacities.numpy(), atol=1e-5)
    np.testing.assert_allclose(table["f_dc_1"] * SH_ZERO + 0.5, splats.colors[:, 1].numpy(), atol=1e-5)
    np.testing.assert_array_equal(table["z"], splats.centers[:, 2].numpy())


def read_as_viewers_do(data: bytes) -> dict[str, np.ndarray]:
    """A PLY by the rules of common splat viewers: the header ends within the first 10,240 bytes, a row is as
    long as its properties together, and there are as many rows as the header says; nothing else is looked
    at."""
    end = data[:10_240].index(b"end_header\n")
    lines = data[:end].decode("ascii").splitlines()
    count = int(next(line for line in lines if line.startswith("element vertex ")).split()[2])
    names = [line.split()[2] for line in lines if line.startswith("property float ")]
    assert not [line for line in lines if line.startswith("property") and " float " not in line]
    numbers = np.frombuffer(data, "<f4", count * len(names), end + len(b"end_header\n"))
    return dict(zip(names, numbers.reshape(count, len(names)).T, strict=True))


def test_viewers_find_the_table_whatever_the_notes_hold(splats):
    """61 KB of notes do not move the end of the header, and a strict reader of PLY reads the same table."""
    long = {"workflow": "x" * 61_000}
    plain, noted = (read_as_viewers_do(ply_bytes(splats, notes)) for notes in (None, long))
    assert all(np.array_equal(plain[name], noted[name]) for name in plain)


def test_heads_stand_upright_in_viewers_that_turn_files_about_z(splats):
    """Such a viewer turns what it reads by half a turn about z: centres, normals and Gaussians then are
    ours."""
    table = read_as_viewers_do(ply_bytes(splats))
    turn = np.diag([-1.0, -1.0, 1.0])
    for names, ours in ((("x", "y", "z"), splats.centers), (("nx", "ny", "nz"), splats.normals)):
        np.testing.assert_allclose(np.stack([table[n] for n in names], 1) @ turn.T, ours.numpy(), atol=1e-6)
    stored = torch.from_numpy(np.stack([table[f"rot_{i}"] for i in range(4)], 1).copy())
    seen = torch.from_numpy(turn).float() @ axes(stored)
    torch.testing.assert_close(seen, axes(splats.rotations), atol=1e-5, rtol=0)
    highest = splats.centers[:, 1].argmax()
    assert table["y"][highest] == table["y"].min()


def axes(rotations: torch.Tensor) -> torch.Tensor:
    """Rotation matrices [K, 3, 3] of unit quaternions (w, x, y, z)."""
    w, x, y, z = rotations.unbind(-1)
    rows = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def test_unusable_settings_are_refused():
    with pytest.raises(ITPortraitError, match="resolution"):
        SplatConfig(resolution=8)
    with pytest.raises(ITPortraitError, match="thick"):
        SplatConfig(thickness=0.0)
    with pytest.raises(ITPortraitError, match="share of light"):
        SplatConfig(keep=1.0)
