"""Our file format: nothing is lost, nothing half-written stays, and every fault has a readable reason."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from itportrait_core.checkpoints import format as fmt
from itportrait_core.checkpoints import tensor_file
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

TINY = EG3DConfig(
    z_dim=8,
    w_dim=16,
    backbone_resolution=8,
    plane_channels=8,
    channel_max=8,
    decoder_hidden=8,
    neural_rendering_resolution=8,
    superresolution=SuperResolutionConfig(8, (8, 4), (1, 2)),
    rendering=RenderingConfig(4, 4, "auto", "auto", c_gen_conditioning_zero=True),
)


@pytest.fixture
def generator() -> EG3DGenerator:
    return EG3DGenerator(TINY, seed=3)


@pytest.fixture
def saved(generator, tmp_path):
    return fmt.save_generator(
        generator, tmp_path / "g.safetensors", lineage={"seed": 3}, license="Apache-2.0"
    )


def rewrite(path, tensors=None, **metadata):
    """Write the file again with some tensors or header entries changed."""
    with tensor_file.open_tensors(path) as file:
        header = {**file.metadata(), **metadata}
    state = load_file(path)
    state.update(tensors or {})
    save_file({k: v for k, v in state.items() if v is not None}, path, {k: v for k, v in header.items() if v})


def test_round_trip_is_bit_exact_and_frozen(generator, saved):
    loaded = fmt.load_generator(saved)
    assert loaded.config == generator.config
    for key, value in generator.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


def test_header_tells_the_origin(saved):
    header = fmt.read_header(saved)
    assert (header.family, header.license, header.source, header.format_version) == (
        "eg3d",
        "Apache-2.0",
        "",
        "1",
    )
    assert header.lineage == {"seed": 3}
    assert EG3DConfig.from_dict(header.config) == TINY


def test_numbers_beyond_half_precision_keep_their_own(tmp_path):
    """Batch variances may grow large: infinity would end the network."""
    sizes = {"widths": (4, 4, 4), "units": (1, 1, 1), "code_dim": 4, "style_width": 4}
    config = StyleEncoderConfig(input_size=32, style_count=3, coarse_count=1, middle_count=1, **sizes)
    encoder = StyleEncoder(config)
    name, norm = next((n, m) for n, m in encoder.named_modules() if isinstance(m, nn.BatchNorm2d))
    norm.running_var.fill_(1e6)
    file = fmt.save_model(encoder, tmp_path / "e.safetensors", family="style_encoder", dtype=torch.float16)
    kept = fmt.load_model(file).state_dict()
    assert all(torch.isfinite(value).all() for value in kept.values())
    assert sorted({str(t.dtype) for t in load_file(file).values()} - {"torch.int64"}) == [
        "torch.float16", "torch.float32"
    ]  # fmt: skip
    assert torch.equal(kept[f"{name}.running_var"], norm.running_var)


def test_half_precision_storage_comes_back_as_float32(generator, tmp_path):
    path = fmt.save_generator(generator, tmp_path / "half.safetensors", dtype=torch.float16)
    assert {t.dtype for t in load_file(path).values()} == {torch.float16}
    loaded = fmt.load_model(path).state_dict()
    for key, value in generator.state_dict().items():
        assert loaded[key].dtype == torch.float32
        assert torch.equal(loaded[key], value.half().float())


def test_other_families_load_by_their_header(tmp_path):
    network = StyleGAN2Generator(
        StyleGAN2Config(z_dim=8, w_dim=8, resolution=8, channel_max=4, mapping_layers=2)
    )
    path = fmt.save_model(network, tmp_path / "s.safetensors", family="stylegan2")
    assert torch.equal(fmt.load_model(path).synthesis.b8.conv0.weight, network.synthesis.b8.conv0.weight)
    with pytest.raises(ITPortraitError, match=r"stylegan2.*3D generator"):
        fmt.load_generator(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": "99"}, "version '99'"),
        ({"family": "dragon"}, "unknown family 'dragon'"),
        ({"config": "{"}, "damaged"),
        ({"config": json.dumps({"wheels": 4})}, "wheels"),
        ({"family": ""}, "lacks family"),
    ],
)
def test_a_foreign_header_has_a_readable_reason(saved, change, message):
    rewrite(saved, **change)
    with pytest.raises(ITPortraitError, match=message):
        fmt.load_model(saved)


@pytest.mark.parametrize(
    ("value", "message"),
    [(torch.zeros(5), "shape \\(5,\\) instead of \\(8,\\)"), (None, "decoder.net.0.bias is missing")],
)
def test_tensors_that_do_not_fit_are_named(saved, value, message):
    rewrite(saved, {"decoder.net.0.bias": value})
    with pytest.raises(ITPortraitError, match=message):
        fmt.load_model(saved)


def test_unknown_tensors_are_named(saved):
    rewrite(saved, {"extra.weight": torch.zeros(1)})
    with pytest.raises(ITPortraitError, match=r"extra\.weight is unknown"):
        fmt.load_model(saved)


def test_missing_and_damaged_files_have_a_readable_reason(saved, tmp_path):
    with pytest.raises(ITPortraitError, match="no file"):
        fmt.read_header(tmp_path / "nothing.safetensors")
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ITPortraitError, match="damaged"):
        fmt.load_model(saved)
    saved.write_bytes(b"<html>not found</html>")
    with pytest.raises(ITPortraitError, match="damaged"):
        fmt.read_header(saved)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(generator, saved, monkeypatch):
    before = saved.read_bytes()

    def full_disk(file, tensor):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensor_file, "write_values", full_disk)
    with pytest.raises(ITPortraitError, match="No space left"):
        fmt.save_generator(generator, saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_content_hash_ignores_lineage_but_not_weights(generator, saved, tmp_path):
    other = fmt.save_generator(generator, tmp_path / "other.safetensors", lineage={"text": "zombie"})
    assert fmt.content_hash(other) == fmt.content_hash(saved)
    assert len(fmt.content_hash(saved)) == hashlib.sha256().digest_size * 2
    with torch.no_grad():
        generator.decoder.net[0].bias[0] += 1e-6
    assert fmt.content_hash(fmt.save_generator(generator, other)) != fmt.content_hash(saved)
