"""Splats: they look like the volume, face outward, and their file is what viewers read."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from harness.splat_readers import engine_reader, web_reader

from benchmarks.rasters import draw_splats, psnr
from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras
from itportrait_core.rendering.ply import FIELDS, SH_ZERO, half_turn, ply_bytes
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


@pytest.mark.parametrize("reader", [web_reader, engine_reader])
def test_public_readers_find_the_table_whatever_the_notes_hold(splats, reader):
    """61 KB of notes do not move the end of the header."""
    plain, noted = (reader(ply_bytes(splats, notes)) for notes in (None, {"workflow": "x" * 61_000}))
    assert all(np.array_equal(plain[name], noted[name]) for name in plain)
    assert len(plain["x"]) == len(splats.centers)


def test_a_page_s_viewer_shows_our_colours_sizes_and_opacities(splats):
    table = web_reader(ply_bytes(splats))
    for axis in range(3):
        np.testing.assert_allclose(table[f"scale_{axis}"], splats.scales[:, axis].numpy(), rtol=1e-5)
        wanted = splats.colors[:, axis].clamp(0, 1).numpy() * 255
        np.testing.assert_allclose(table[f"colour_{axis}"], wanted, atol=1e-2)
    np.testing.assert_allclose(table["opacity"], splats.opacities.numpy() * 255, atol=1e-2)
    stored = torch.from_numpy(np.stack([table[f"rot_{i}"] for i in range(4)], 1).copy())
    shown = torch.nn.functional.normalize((stored - 128) / 128, dim=-1)
    ours = half_turn(splats.rotations)
    assert float((shown * ours).sum(-1).abs().min()) > 0.9999
    highest = splats.centers[:, 1].argmax()
    assert table["y"][highest] == table["y"].min()  # these viewers have y down


def test_heads_stand_upright_in_the_engine(splats):
    """What is turned by half a turn about z is ours again: centres, normals, Gaussians."""
    table = engine_reader(ply_bytes(splats))
    for axis, name in enumerate("xyz"):
        np.testing.assert_allclose(table[name], splats.centers[:, axis].numpy(), atol=1e-6)
    turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    normals = torch.from_numpy(np.stack([table[name] for name in ("nx", "ny", "nz")], 1).copy())
    torch.testing.assert_close(normals @ turn.T, splats.normals, atol=1e-6, rtol=0)
    stored = torch.from_numpy(np.stack([table[f"rot_{i}"] for i in range(4)], 1).copy())
    torch.testing.assert_close(turn @ axes(stored), axes(splats.rotations), atol=1e-5, rtol=0)


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
