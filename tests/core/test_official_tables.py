"""Full-size generators have the names and shapes of the published state dicts, tensor for tensor."""

from __future__ import annotations

import json

import pytest
import torch
from harness.seeded_weights import DATA, read_table
from torch import nn

from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d.official import OFFICIAL, read_config
from itportrait_core.networks.eg3d_config import OFFICIAL_AXES, EG3DConfig
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

CASES = {"ffhq512-128": 128, "afhqcats512-128": 128, "shapenetcars128-64": 64}


def settings(name: str) -> dict:
    """Constructor arguments as the official pickles hold them."""
    return json.loads((DATA / "keys" / f"init_kwargs_{name}.json").read_text())["init_kwargs"]


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    # the cats have the names and shapes of the faces
    table = "state_dict_ffhq512-128" if name == "afhqcats512-128" else f"state_dict_{name}"
    return {key: shape for key, shape, _ in read_table(table) if not key.startswith(OFFICIAL.unused)}


def state_shapes(network: type[nn.Module], config: object) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in network(config, seed=None).state_dict().items()}


@pytest.mark.parametrize("name", CASES)
def test_eg3d_has_the_published_names_and_shapes(name):
    expected = shapes(name)
    attributes = {"neural_rendering_resolution": CASES[name]}
    config = read_config(settings(name), attributes, OFFICIAL_AXES, expected)
    assert state_shapes(EG3DGenerator, config) == expected
    assert config.resolution == settings(name)["img_resolution"]
    assert config.neural_rendering_resolution == CASES[name]


def test_the_official_settings_are_the_defaults():
    attributes = {"neural_rendering_resolution": 128}
    name = "ffhq512-128"
    assert read_config(settings(name), attributes, OFFICIAL_AXES, shapes(name)) == EG3DConfig()


def test_cars_are_small_white_and_blind_to_the_camera():
    name = "shapenetcars128-64"
    config = read_config(settings(name), {}, OFFICIAL_AXES, shapes(name))
    assert config.rendering.white_back and config.rendering.c_gen_conditioning_zero
    assert (config.rendering.ray_start, config.rendering.ray_end, config.rendering.box_warp) == (
        0.1,
        2.6,
        1.6,
    )
    assert config.superresolution.up == (1, 2)


def test_stylegan2_counts_its_published_parameters():
    with torch.device("meta"):
        network = StyleGAN2Generator(StyleGAN2Config(), seed=None)
    assert sum(p.numel() for p in network.parameters()) == 30_370_060
