"""StyleGAN2 at 1024 px: both sets of names mean one network, and its pictures are those of the original."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest
import torch
from harness.seeded_weights import DATA, error, golden, normal, read_table, weights
from torch import Tensor

from itportrait_core.checkpoints.stylegan2_names import from_rosinality, infer_config, nvidia_name
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

TABLE = "keys_stylegan2_rosinality_1024_g_ema"


@pytest.fixture(scope="module")
def generator() -> Iterator[StyleGAN2Generator]:
    state = from_rosinality(weights(TABLE), latent_avg=normal(3, (1, 512), 0.5))
    network = StyleGAN2Generator(infer_config(state), seed=None).eval()
    network.load_state_dict(state)
    yield network


def check(image: Tensor, name: str) -> None:
    expected = golden("stylegan2_1024")
    assert error(image[:, :, ::32, ::32], expected[f"{name}.stride32"]) < 3e-5
    assert error(image[:, :, 480:544, 480:544], expected[f"{name}.crop64"]) < 3e-5


def test_every_rosinality_name_maps_as_in_the_table():
    with open(DATA / "keys" / "keys_map_stylegan2ada_to_rosinality_1024.csv", newline="") as file:
        for row in csv.DictReader(file):
            assert nvidia_name(row["rosinality_g_ema_key"]) == row["ada_G_ema_key"]


def test_the_mapping_covers_a_whole_generator():
    renamed = {nvidia_name(key) for key, _, _ in read_table(TABLE)} - {None}
    with torch.device("meta"):
        names = set(StyleGAN2Generator(StyleGAN2Config(), seed=None).state_dict())
    assert {name for name in names if not name.endswith((".resample_filter", "w_avg"))} == renamed


def test_foreign_names_are_refused():
    with pytest.raises(ITPortraitError, match=r"blocks\.0\.weight"):
        nvidia_name("blocks.0.weight")


def test_sizes_are_inferred(generator):
    assert generator.config == StyleGAN2Config()


@torch.no_grad()
def test_mapping_and_truncation(generator):
    expected = golden("stylegan2_1024")
    z = normal(1, (2, 512))
    assert error(generator.mapping(z)[:, 0], expected["w"]) < 2e-5
    assert error(generator.mapping(z[:1], truncation_psi=0.7)[:, 0], expected["w_trunc07"]) < 2e-5


@torch.no_grad()
def test_picture_of_different_style_vectors(generator):
    check(generator.synthesis(normal(2, (1, 18, 512))), "image_w_plus")


@pytest.mark.slow
@torch.no_grad()
def test_pictures_of_latents(generator):
    z = normal(1, (2, 512))
    check(generator.synthesis(generator.mapping(z)), "image_w")
    check(generator.synthesis(generator.mapping(z[:1], truncation_psi=0.7)), "image_trunc07")


def test_missing_mean_is_estimated_with_a_fixed_seed():
    state = {key: value for key, value in weights(TABLE).items() if key.startswith("style.")}
    first, second = (from_rosinality(state)["mapping.w_avg"] for _ in range(2))
    assert first.shape == (512,)
    assert torch.equal(first, second)
