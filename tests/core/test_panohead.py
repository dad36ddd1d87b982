"""PanoHead: published names, the tri-grid, the empty sides, background and raw picture, and its import."""

from __future__ import annotations

import pytest
import torch
from harness.official_files import eg3d_generator, persistent, write_snapshot
from harness.seeded_weights import read_table
from torch import nn

from itportrait_core.checkpoints.format import load_generator, read_header, save_generator
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.networks.eg3d_config import RenderingConfig, SuperResolutionConfig
from itportrait_core.networks.panohead import PanoHeadConfig, PanoHeadGenerator, sample_grids
from itportrait_core.networks.panohead.official import OFFICIAL
from itportrait_core.rendering import cameras

SMALL = PanoHeadConfig(
    z_dim=8,
    w_dim=16,
    mapping_layers=2,
    backbone_resolution=16,
    plane_channels=4,
    channel_base=128,
    channel_max=8,
    decoder_hidden=8,
    neural_rendering_resolution=8,
    superresolution=SuperResolutionConfig(8, (8, 4), (2, 2)),
    rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6),
)
GRID_AXES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
)


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        network = PanoHeadGenerator(PanoHeadConfig(), seed=None)
    ours = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    table = {k: s for k, s, _ in read_table("state_dict_panohead") if not k.startswith(OFFICIAL.unused)}
    assert ours == table


def test_grids_hold_three_layers_along_the_third_axis():
    """Each channel of each grid is linear in one world axis, so that reading it must give that axis."""
    side, depth = 16, 3
    line = torch.linspace(-1, 1, side + 1)[:-1] + 1 / side
    layers = torch.linspace(-1, 1, depth + 1)[:-1] + 1 / depth
    width = line.expand(depth, side, side)
    height = width.transpose(1, 2)
    along = layers[:, None, None].expand(depth, side, side)
    grid = torch.stack([width, height, along]).flatten(0, 1)  # channel-major
    points = 0.5 * (torch.rand(1, 40, 3, generator=torch.Generator().manual_seed(0)) - 0.5)
    read = sample_grids(grid.expand(1, 3, -1, side, side), points, box_warp=1.0, depth=depth)
    for plane, axes in enumerate(((0, 1, 2), (0, 2, 1), (1, 2, 0))):
        torch.testing.assert_close(read[0, plane].T, 2.0 * points[0][:, list(axes)], atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_sides_are_empty_when_rendered_and_not_when_asked():
    network = PanoHeadGenerator(SMALL, seed=1)
    planes = network.planes(network.mapping(torch.ones(1, 8), cameras.front()))
    points = torch.tensor([[[0.45, 0.0, 0.0], [0.0, 0.0, -0.45], [0.0, 0.45, 0.0], [0.3, 0.0, 0.3]]])
    rendered = network._noisy_field(planes, points, None)[1][0, :, 0]
    assert (rendered[:2] == -1000).all() and (rendered[2:] > -1000).all()
    assert (network.field(planes, points)[1] > -1000).all()


@torch.no_grad()
def test_background_fills_what_the_rays_miss():
    network = PanoHeadGenerator(SMALL, seed=1)
    ws = network.mapping(torch.ones(1, 8), cameras.front())
    features, nothing = torch.zeros(1, 4, 8, 8), torch.zeros(1, 1, 8, 8)
    behind = network.bcg_synthesis(ws[:, : network.bcg_synthesis.num_ws])
    rgb, shaded = network.shade(2 * features - 1, nothing, ws)
    torch.testing.assert_close(shaded, behind)
    torch.testing.assert_close(rgb, network.torgb(behind, ws[:, -1]))
    _, covered = network.shade(2 * features - 1, torch.ones_like(nothing), ws)
    torch.testing.assert_close(covered, features)


@torch.no_grad()
def test_it_renders_saves_and_comes_back(tmp_path):
    network = PanoHeadGenerator(SMALL, seed=2)
    ws = network.mapping(torch.ones(1, 8), cameras.front())
    out = network.synthesis(ws, cameras.orbit([0.0, 180.0]).float())
    assert out.image.shape == (2, 3, 32, 32) and out.image_raw.shape == (2, 3, 8, 8)
    assert out.image.isfinite().all()
    loaded = load_generator(save_generator(network, tmp_path / "head.safetensors"))
    assert loaded.config == SMALL
    assert torch.equal(
        loaded.synthesis(ws, cameras.front()).image, network.synthesis(ws, cameras.front()).image
    )


@pytest.mark.parametrize("activation", ["none", "lrelu", "sigmoid"])
@torch.no_grad()
def test_its_pickles_are_imported(tmp_path, activation):
    config = PanoHeadConfig(**{**vars(SMALL), "w_dim": 512, "decoder_activation": activation})
    network = PanoHeadGenerator(config, seed=3)
    init = {
        "z_dim": 8,
        "c_dim": 25,
        "w_dim": 512,
        "mapping_kwargs": {"num_layers": 2},
        "channel_base": 128,
        "channel_max": 8,
        "sr_num_fp16_res": 4,
        "rendering_kwargs": {
            "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC",
            "depth_resolution": 6,
            "depth_resolution_importance": 6,
            "ray_start": 2.25,
            "ray_end": 3.3,
            "box_warp": 1,
            "c_scale": 1.0,
            "triplane_depth": 3,
            "decoder_activation": activation,
        },
    }
    stored = eg3d_generator(network, init, axes=GRID_AXES)
    children = stored.meta["state"]["_modules"]
    children |= {"torgb": persistent(network.torgb), "bcg_synthesis": persistent(network.bcg_synthesis)}
    children["t_mapping"] = persistent(nn.Linear(3, 3))
    (path,) = import_checkpoint(write_snapshot(tmp_path / "head.pkl", G_ema=stored), tmp_path / "out")
    assert read_header(path).family == "panohead"
    loaded = load_generator(path)
    assert loaded.config == config
    state = loaded.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
