"""Our own format: the first version loads forever, unknown ones are refused."""

from __future__ import annotations

import json

import pytest
import torch
from harness.seeded_weights import DATA

from itportrait_core.checkpoints.format import load_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.networks.eg3d_config import EG3DConfig


def test_files_of_version_1_load_forever():
    """Written by the first release; whatever becomes of the format, this file must load and mean the same."""
    folder = DATA / "format"
    generator = load_generator(folder / "version1.safetensors")
    expected = json.loads((folder / "version1.json").read_text())
    assert generator.config.to_dict() == EG3DConfig.from_dict(expected["config"]).to_dict()
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ws = generator.double().mapping(z)
    torch.testing.assert_close(ws[0, 0, :4].tolist(), expected["ws"], atol=1e-6, rtol=1e-6)
    planes = generator.planes(ws)
    torch.testing.assert_close(planes[0, :, 0, 3, 3].tolist(), expected["planes"], atol=1e-5, rtol=1e-5)


def test_other_versions_are_refused(tmp_path):
    data = (DATA / "format" / "version1.safetensors").read_bytes()
    changed = data.replace(b'"format_version":"1"', b'"format_version":"9"')
    assert changed != data
    (tmp_path / "future.safetensors").write_bytes(changed)
    with pytest.raises(ITPortraitError, match="format version '9'"):
        load_generator(tmp_path / "future.safetensors")
