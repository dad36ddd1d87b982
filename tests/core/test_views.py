"""Views: depth, masks and normals agree with a scene whose truth is a formula."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.rendering import cameras
from itportrait_core.rendering.views import render_views, surface_points
from tests.core.toy_head import ToyHead, colors, distance, toy_ws

CAMERAS = cameras.orbit([0.0, 35.0, -60.0], [0.0, 15.0, -10.0], [0.0, 0.0, 20.0])


@pytest.fixture(scope="module")
def head() -> ToyHead:
    return ToyHead()


@pytest.fixture(scope="module")
def views(head):
    return render_views(head, toy_ws(), CAMERAS, chunk=2)


def test_every_map_has_the_pictures_size(views):
    assert views.images.shape == (3, 3, 96, 96)
    assert views.depth.shape == views.masks.shape == views.depth_normalized.shape == (3, 1, 96, 96)
    assert views.normals_world.shape == views.normals_camera.shape == (3, 3, 96, 96)


def test_depth_leads_to_the_surface(views):
    away = distance(surface_points(CAMERAS, views.depth)).reshape(3, -1)
    core = interior(views.masks).reshape(3, -1)
    assert float(away[core].abs().mean()) < 0.01


def test_mask_is_the_silhouette(views):
    """Rays that pass the surface at a distance are empty, rays that come well inside it are opaque."""
    depths = torch.linspace(2.1, 3.3, 200)
    nearest = torch.stack(
        [distance(surface_points(CAMERAS, views.depth.new_full((3, 1, 96, 96), d))) for d in depths.tolist()]
    ).amin(0)
    mask = views.masks.reshape(3, -1, 1)
    assert float(mask[nearest > 0.03].max()) < 0.05
    assert float(mask[nearest < -0.03].min()) > 0.95


def test_world_normals_are_the_slope_of_the_surface(views):
    points = surface_points(CAMERAS, views.depth).requires_grad_()
    slope = torch.autograd.grad(distance(points).sum(), points)[0]
    truth = torch.nn.functional.normalize(slope, dim=-1)
    normals = views.normals_world.flatten(2).transpose(1, 2)
    agreement = (normals * truth).sum(-1)[interior(views.masks).reshape(3, -1)]
    assert float(agreement.mean()) > 0.99


def test_camera_normals_point_right_up_and_to_the_viewer(views):
    seen = interior(views.masks)[:, 0]
    assert float(views.normals_camera[:, 2][seen].min()) > -0.3
    front = views.normals_camera[0]
    assert float(front[0, 48, 70]) > 0.3 > -0.3 > float(front[0, 48, 26])
    assert float(front[1, 22, 48]) > 0.3 > -0.3 > float(front[1, 74, 48])
    turn = cameras.cam2world(CAMERAS)[:, :3, :3] * torch.tensor([1.0, -1.0, -1.0])
    back = torch.einsum("nwc,nchk->nwhk", turn, views.normals_camera)
    torch.testing.assert_close(back, views.normals_world, atol=1e-5, rtol=0)


def test_normalised_depth_shows_near_white_on_black(views):
    depth = views.depth_normalized
    assert float(depth[views.masks < 0.01].max()) < 0.02
    assert float(depth.max()) > 0.95
    nose, cheek = depth[0, 0, 50, 48], depth[0, 0, 50, 62]
    assert float(nose) > float(cheek)


def test_chunks_change_nothing_and_report_progress(head, views):
    seen = []
    again = render_views(head, toy_ws(), CAMERAS, chunk=1, on_view=lambda *report: seen.append(report))
    torch.testing.assert_close(again.images, views.images)
    torch.testing.assert_close(again.depth, views.depth)
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(seen[1][2], again.images[1:2])


def test_raising_in_the_callback_stops_the_run(head):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_views(head, toy_ws(), CAMERAS, on_view=stop)


def test_unusable_requests_are_refused(head):
    with pytest.raises(ITPortraitError, match="one latent"):
        render_views(head, toy_ws().expand(2, -1, -1), CAMERAS)
    with pytest.raises(ITPortraitError, match="no cameras"):
        render_views(head, toy_ws(), CAMERAS[:0])
    with pytest.raises(ITPortraitError, match="together"):
        render_views(head, toy_ws(), CAMERAS, chunk=0)


def test_pictures_show_the_colours_of_the_surface(views):
    truth = colors(surface_points(CAMERAS, views.depth)).transpose(1, 2).reshape(3, 3, 96, 96) * 2 - 1
    gap = (views.images - truth).abs().mean(1, keepdim=True)
    assert float(gap[interior(views.masks)].mean()) < 0.03


def interior(masks: torch.Tensor) -> torch.Tensor:
    """Foreground without its rim, where a pixel mixes two surfaces."""
    return -torch.nn.functional.max_pool2d(-(masks > 0.99).float(), 7, 1, 3) > 0.5
