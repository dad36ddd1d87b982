"""Blending and style files: exact ends, parts, sums, 16-bit differences, the base they belong to."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.metrics import psnr
from itportrait_core.methods.configs import BlendConfig
from itportrait_core.methods.shared.storage import read_tensors, write_tensors
from itportrait_core.methods.shared.trainable import copy_for_training, frozen_copy, trained_parameters
from itportrait_core.methods.style.blend import _blended, blend, strength_of
from itportrait_core.methods.style.style_file import KIND, MIN_SIDE, WHOLE, load_style, save_style
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator
from itportrait_core.networks.eg3d.names import NAMES
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_generator

NONE = BlendConfig(shape=0.0, texture=0.0, decoder=0.0, superresolution=0.0)


def moved(base, seed: int, size: float = 0.1):
    """A style: every trained weight of the base moved a little."""
    style = copy_for_training(base, ("synthesis", "superresolution", "decoder")).requires_grad_(True)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in trained_parameters(style).items():
            if not name.startswith("backbone.mapping"):
                parameter += size * torch.randn(parameter.shape, generator=rng)
    return style.requires_grad_(False)


@pytest.fixture(scope="module")
def base():
    return tiny_generator()


def weight_bytes(path) -> int:
    return sum(value.numel() * value.element_size() for value in load_file(path).values())


def show(generator) -> Tensor:
    ws = generator.mapping(torch.ones(1, generator.z_dim), cameras.front())
    return generator.synthesis(ws, cameras.orbit(20.0)).image


def test_strength_zero_is_the_base_bit_for_bit(base):
    assert same_weights(blend(base, [moved(base, 1), moved(base, 2)], NONE), base)


def test_strength_one_is_the_style_bit_for_bit(base):
    style = moved(base, 1)
    assert same_weights(blend(base, [style]), style)


def test_half_strength_lies_half_way_and_more_than_one_overshoots(base):
    style = moved(base, 1)
    name = "decoder.net.0.weight"
    for a in (0.5, 1.2):
        mixed = blend(base, [style], BlendConfig(decoder=a)).state_dict()[name]
        wanted = base.state_dict()[name] + a * (style.state_dict()[name] - base.state_dict()[name])
        assert torch.allclose(mixed, wanted, atol=1e-6)


def test_parts_are_moved_separately(base):
    style = moved(base, 1)
    for part in ("shape", "texture", "decoder", "superresolution"):
        only = NONE.replace(**{part: 1.0})
        mixed = blend(base, [style], only).state_dict()
        for name, value in mixed.items():
            source = style if strength_of(name, only, NAMES, 32) == 1.0 else base
            assert torch.equal(value, source.state_dict()[name]), (part, name)


def test_shape_is_coarse_and_texture_fine_and_rgb():
    only = NONE.replace(shape=1.0)
    wanted = {"b4.conv1": 1.0, "b32.conv1": 1.0, "b64.conv0": 0.0, "b4.torgb": 0.0, "b256.torgb": 0.0}
    assert {k: strength_of(f"backbone.synthesis.{k}.weight", only, NAMES, 256) for k in wanted} == wanted
    assert strength_of("backbone.mapping.fc0.weight", BlendConfig(), NAMES, 256) == 0.0


def test_several_styles_add_up(base):
    one, two, name = moved(base, 1), moved(base, 2), "decoder.net.2.weight"
    half = BlendConfig(decoder=0.5)
    mixed = blend(base, [one, two], half).state_dict()[name]
    origin = base.state_dict()[name]
    wanted = origin + 0.5 * (one.state_dict()[name] - origin) + 0.5 * (two.state_dict()[name] - origin)
    assert torch.allclose(mixed, wanted, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_one_style_of_strength_one_among_four_is_exact(base, count):
    styles = [moved(base, seed) for seed in range(count)]
    for at in range(count):
        configs = [BlendConfig() if k == at else NONE for k in range(count)]
        assert same_weights(blend(base, styles, configs), styles[at])


def test_negative_strength_goes_the_other_way(base):
    style, name = moved(base, 1), "decoder.net.0.weight"
    mixed = _blended(base, [style], [NONE.replace(decoder=-0.5)]).state_dict()[name]
    origin = base.state_dict()[name]
    assert torch.allclose(mixed, origin - 0.5 * (style.state_dict()[name] - origin), atol=1e-6)


def test_every_side_has_its_own_strength(base):
    def strength(name: str, **fields: float) -> float:
        return strength_of(f"backbone.synthesis.{name}.weight", BlendConfig(**fields), NAMES, 256)

    assert strength("b8.conv0", shape=0.5, at_8=0.5) == 0.25
    assert strength("b8.torgb", texture=0.5, at_8=-1.0) == -0.5
    assert strength("b16.conv0", shape=0.5, at_8=0.0) == 0.5
    assert strength("b64.conv0", shape=0.25, texture=0.75, swap_at=64) == 0.25
    assert strength("b64.conv0", shape=0.25, texture=0.75) == 0.75
    assert same_weights(blend(base, [moved(base, 1)], BlendConfig(at_4=1.0)), moved(base, 1))


def test_a_shape_that_tears_heads_is_eased_and_a_sound_one_is_not():
    """Half the learned constant still draws heads, none of it does not: twice that style is too much."""
    base = itp.load_generator("pocket")
    style = frozen_copy(base)
    style.backbone.synthesis.b4.const.data.mul_(0.5)
    mixed = blend(base, [style], BlendConfig(shape=2.0))
    assert 1.0 <= mixed.lineage["strengths"][0]["shape"] < 1.5
    assert same_weights(mixed, blend(base, [style], BlendConfig(**mixed.lineage["strengths"][0])))
    assert blend(base, [base], BlendConfig(shape=2.0)).lineage["strengths"][0]["shape"] == 2.0


def test_styles_and_base_stay_as_they_are(base):
    style = moved(base, 1)
    before = [g.decoder.net[0].weight.clone() for g in (base, style)]
    blend(base, [style], BlendConfig(decoder=0.3))
    assert torch.equal(before[0], base.decoder.net[0].weight)
    assert torch.equal(before[1], style.decoder.net[0].weight)


def test_wrong_numbers_and_shapes_are_refused(base):
    with pytest.raises(ITPortraitError, match="strength per style"):
        blend(base, [base], [NONE, NONE])
    with pytest.raises(ITPortraitError, match="strength per style"):
        blend(base, [])
    with pytest.raises(ITPortraitError, match="does not fit"):
        blend(base, [tiny_generator(0, resolution=32).double().decoder])


def test_half_precision_style_file_shows_the_same_picture(base, tmp_path):
    style = moved(base, 1)
    style.lineage = {"text": "hat"}
    again = load_style(save_style(style, base, tmp_path / "s.safetensors"), base)
    assert float(psnr(show(again), show(style)).min()) >= 40.0
    assert float(psnr(show(again), show(base)).min()) < 30.0
    assert again.lineage == {"text": "hat"}


def test_compressed_style_file_keeps_its_budget(base, tmp_path):
    style = moved(base, 1)
    full = weight_bytes(save_style(style, base, tmp_path / "full.safetensors"))
    small = save_style(style, base, tmp_path / "small.safetensors", budget_mb=0.7 * full / 2**20)
    assert weight_bytes(small) <= 0.7 * full
    load_style(small, base)
    tensors, _ = read_tensors(small, KIND)
    whole = {name for name in base.state_dict() if name.startswith(WHOLE)}
    assert {f"full.{name}" for name in whole} <= set(tensors)
    assert any(name.startswith("left.") for name in tensors)


def test_a_file_compressed_before_vectors_were_bytes_is_refused(base, tmp_path):
    path = save_style(moved(base, 1), base, tmp_path / "s.safetensors", budget_mb=1.0)
    tensors, facts = read_tensors(path, KIND)
    assert any(name.startswith("scale.") for name in tensors)
    kept = {name: value for name, value in tensors.items() if not name.startswith("scale.")}
    with pytest.raises(ITPortraitError, match="older version"):
        load_style(write_tensors(path, KIND, kept, facts), base)


def test_files_of_full_size_styles_fit_their_limits():
    """What a full EG3D trains fits 65 MB as differences; what is never compressed leaves room in 10 MB."""
    with torch.device("meta"):
        full = EG3DGenerator(EG3DConfig(), seed=None)
    trained = {name: p for name, p in full.named_parameters() if NAMES.part_of(name)}
    assert 55e6 < 2 * sum(p.numel() for p in trained.values()) < 65e6
    kept = [
        p
        for name, p in trained.items()
        if p.ndim < 2 or min(p.flatten(1).shape) < MIN_SIDE or name.startswith(WHOLE)
    ]
    assert 2 * sum(p.numel() for p in kept) < 1e6


def test_low_rank_styles_survive_compression(base, tmp_path):
    style = tiny_generator()
    with torch.no_grad():
        weight = style.superresolution.block1.conv0.affine.weight
        rng = torch.Generator().manual_seed(1)
        for p in (style.decoder.net[0].weight, weight):
            p += torch.randn(p.shape[0], 1, generator=rng) * torch.randn(1, p.shape[1], generator=rng) * 0.2
    again = load_style(save_style(style, base, tmp_path / "s.safetensors", budget_mb=1.0), base)
    assert float(psnr(show(again), show(style)).min()) >= 40.0


def test_a_style_file_of_another_base_is_refused(base, tmp_path):
    path = save_style(moved(base, 1), base, tmp_path / "s.safetensors")
    with pytest.raises(ITPortraitError, match="another base"):
        load_style(path, tiny_generator(5))
