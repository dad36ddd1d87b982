"""Style encoders: the published sizes, the numbers of the originals, the ReStyle loop, and small siblings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from harness.seeded_weights import error, golden, normal, picture, read_table, weights
from torch import Tensor

from itportrait_core.checkpoints.stylegan2_names import from_rosinality
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig, encode, restyle
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

TABLES = {
    "e4e": "keys_e4e_encoder",
    "psp": "keys_e4e_encoder",  # the two files have the same names and shapes
    "restyle_psp": "keys_restyle_psp_encoder",
    "restyle_e4e": "keys_restyle_psp_encoder",
}
SMALL = StyleEncoderConfig(
    input_size=64, widths=(16, 24, 32, 48), units=(1, 1, 2, 1), style_count=12, code_dim=32, style_width=24
)
LATENT_AVG = normal(7, (18, 512), 0.5)  # 18 different rows, to catch a mix-up


@pytest.fixture(scope="module")
def full_weights() -> Callable[[str], dict[str, Tensor]]:
    """Seeded weights of a table, kept until another table is asked for."""
    kept: dict[str, dict[str, Tensor]] = {}

    def get(table: str) -> dict[str, Tensor]:
        if table not in kept:
            kept.clear()
            kept[table] = weights(table, "encoder.")
        return kept[table]

    return get


@pytest.fixture(scope="module")
def decoder() -> Callable[[Tensor], Tensor]:
    generator = StyleGAN2Generator(StyleGAN2Config(), seed=None).eval()
    generator.load_state_dict(from_rosinality(weights("keys_stylegan2_rosinality_1024_g_ema"), LATENT_AVG))
    return generator.synthesis


def full_config(kind: str) -> StyleEncoderConfig:
    return StyleEncoderConfig(kind=kind, input_channels=6 if kind.startswith("restyle") else 3)


def full_encoder(kind: str, state: dict[str, Tensor]) -> StyleEncoder:
    encoder = StyleEncoder(full_config(kind), seed=None).eval().requires_grad_(False)
    encoder.load_state_dict({**state, "latent_avg": LATENT_AVG}, assign=True)
    return encoder


def check_picture(image: Tensor, expected: dict[str, Tensor], name: str, limit: float) -> None:
    assert error(image[:, :, ::8, ::8], expected[f"{name}.stride8"]) < limit
    assert error(image[:, :, 96:160, 96:160], expected[f"{name}.crop64"]) < limit


@pytest.mark.parametrize("kind", TABLES)
def test_names_and_shapes_are_the_published_ones(kind):
    with torch.device("meta"):
        ours = {
            f"encoder.{k}": tuple(v.shape)
            for k, v in StyleEncoder(full_config(kind), None).state_dict().items()
        }
    assert ours.pop("encoder.latent_avg") == (18, 512)
    assert ours == {key: shape for key, shape, _ in read_table(TABLES[kind])}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["e4e", "psp"])
@torch.no_grad()
def test_pyramid_encoders_repeat_the_originals(kind, full_weights, decoder):
    expected = golden(f"{kind}_encoder")
    encoder = full_encoder(kind, full_weights(TABLES[kind]))
    x = picture(4, 1, 3, 256)
    maps = encoder.trunk(x)
    assert error(maps[-1][:, :8, :4, :4], expected["feat.c3.corner"]) < 2e-5
    codes = encode(encoder, x)
    assert error(codes, expected["codes_plus_avg"]) < 3e-5
    assert error(codes - LATENT_AVG, expected["codes"]) < 3e-5
    check_picture(F.adaptive_avg_pool2d(decoder(codes), 256), expected, "image256", 3e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["restyle_psp", "restyle_e4e"])
@torch.no_grad()
def test_restyle_repeats_the_originals_over_five_passes(kind, full_weights, decoder):
    expected = golden(kind)
    encoder = full_encoder(kind, full_weights(TABLES[kind]))
    assert error(encoder(picture(5, 1, 6, 256)), expected["codes"]) < 3e-5
    seen: list[Tensor] = []

    def synthesis(ws: Tensor) -> Tensor:
        seen.append(F.adaptive_avg_pool2d(decoder(ws), 256))
        return seen[-1]

    history = restyle(encoder, picture(6, 1, 3, 256), synthesis, steps=5)
    check_picture(seen[0], expected, "avg_image256", 3e-5)
    assert error(history[0], expected["iter1.codes"]) < 5e-5
    check_picture(seen[1], expected, "iter1.image256", 5e-5)
    assert error(history[4], expected["iter5.codes"]) < 3e-4


@torch.no_grad()
def test_e4e_vectors_are_offsets_from_the_first_and_psp_vectors_are_not():
    e4e = StyleEncoder(SMALL, seed=3).eval()
    psp = StyleEncoder(StyleEncoderConfig(**{**SMALL.to_dict(), "kind": "psp"}), seed=3).eval()
    x = picture(1, 2, 3, 64)
    independent, relative = psp(x), e4e(x)
    torch.testing.assert_close(relative[:, 0], independent[:, 0])
    torch.testing.assert_close(relative[:, 1:], independent[:, 1:] + independent[:, :1])


@torch.no_grad()
def test_restyle_adds_up_corrections_from_the_mean_and_looks_at_its_last_picture():
    config = StyleEncoderConfig(**{**SMALL.to_dict(), "kind": "restyle_psp", "input_channels": 6, "steps": 3})
    encoder = StyleEncoder(config, seed=1).eval()
    encoder.latent_avg.copy_(torch.arange(12.0)[:, None].expand(12, 32))
    image, asked = picture(2, 1, 3, 64), []

    def synthesis(ws: Tensor) -> Tensor:
        asked.append(ws)
        return ws.mean() * torch.ones(1, 3, 128, 128)

    codes = encode(encoder, image, synthesis)
    assert len(asked) == 3
    assert torch.equal(asked[0], encoder.latent_avg[None])
    second = asked[1] + encoder(torch.cat([image, asked[1].mean() * torch.ones_like(image)], dim=1))
    torch.testing.assert_close(asked[2], second)
    assert codes.shape == (1, 12, 32)


@torch.no_grad()
def test_an_encoder_that_corrects_itself_adds_what_its_reconstruction_lacks():
    encoder = StyleEncoder(replace(SMALL, corrections=1), seed=1).eval()
    image, asked = picture(2, 1, 3, 64), []

    def synthesis(ws: Tensor) -> Tensor:
        asked.append(ws)
        return picture(4, 1, 3, 128)

    codes = encode(encoder, image, synthesis)
    first = encoder(image) + encoder.latent_avg
    assert len(asked) == 1 and torch.equal(asked[0], first)
    missing = encoder(image) - encoder(F.adaptive_avg_pool2d(picture(4, 1, 3, 128), 64))
    torch.testing.assert_close(codes, first + missing)
    assert torch.equal(encode(encoder, image, steps=1), first)
    at_rest = encode(encoder, image, lambda ws: image, steps=4)  # it reads both alike: nothing to add
    torch.testing.assert_close(at_rest, first)
    with pytest.raises(ITPortraitError, match="pass the generator's synthesis"):
        encode(encoder, image)


def test_same_seed_same_weights_and_the_global_generator_is_not_touched():
    before = torch.get_rng_state()
    first, second, other = (StyleEncoder(SMALL, seed) for seed in (5, 5, 6))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.styles[0].linear.weight, other.styles[0].linear.weight)


def test_every_parameter_learns():
    encoder = StyleEncoder(SMALL, seed=0)
    encoder(picture(3, 2, 3, 64)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.parameters())


def test_config_survives_json_values():
    assert StyleEncoderConfig.from_dict(SMALL.to_dict()) == SMALL


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"kind": "hfgi"}, "hfgi"), ({"input_size": 96}, "96 px"), ({"input_size": 16}, "16 px")],
)
def test_impossible_settings_are_refused(changes, said):
    with pytest.raises(ITPortraitError, match=said):
        StyleEncoder(StyleEncoderConfig(**{**SMALL.to_dict(), **changes}))


def test_wrong_pictures_are_refused():
    with pytest.raises(ITPortraitError, match=r"\(3, 32, 32\)"):
        StyleEncoder(SMALL)(torch.zeros(1, 3, 32, 32))
