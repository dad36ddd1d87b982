"""Full-size checkpoints in the official formats: import, memory, and the same pictures afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from harness.official_files import eg3d_generator, persistent, write_snapshot
from harness.seeded_weights import DATA, draw, normal, picture, read_table, weights

from itportrait_core.checkpoints.format import load_generator, load_model, read_header
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="peak memory is measured with Unix means"),
]

MEASURE = """
import json, resource, sys
import torch
from itportrait_core.checkpoints import official
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
paths = official.import_checkpoint(sys.argv[1], sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"extra_kib": peak - base, "paths": [str(path) for path in paths]}))
"""


def import_apart(source: Path, target: Path) -> tuple[list[Path], float]:
    """Import in a fresh process: its files, and its peak memory above the start over the source's size."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(source), str(target)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    scale = 1 if sys.platform == "darwin" else 1024
    return [Path(path) for path in told["paths"]], told["extra_kib"] * scale / source.stat().st_size


@torch.no_grad()
def test_a_full_size_eg3d_snapshot_with_three_networks(tmp_path):
    generator = EG3DGenerator(EG3DConfig(), seed=5)
    init = json.loads((DATA / "keys" / "init_kwargs_ffhq512-128.json").read_text())["init_kwargs"]
    networks = {
        "G": persistent(EG3DGenerator(EG3DConfig(), seed=6)),
        "D": persistent(EG3DGenerator(EG3DConfig(), seed=7)),  # of the size of a discriminator
        "G_ema": eg3d_generator(generator, init),
    }
    source = write_snapshot(tmp_path / "ffhq512-128.pkl", **networks)
    assert source.stat().st_size > 370e6
    (path,), memory = import_apart(source, tmp_path / "out.safetensors")
    assert memory <= 2.2
    loaded = load_generator(path)
    assert loaded.config == EG3DConfig()
    state = loaded.state_dict()
    assert all(torch.equal(state[name], value) for name, value in generator.state_dict().items())


@torch.no_grad()
def test_the_full_size_e4e_file(tmp_path):
    state = dict(draw(read_table("keys_e4e_encoder")))
    decoder = weights("keys_stylegan2_rosinality_1024_g_ema")
    content = {
        "state_dict": state | {f"decoder.{key}": value for key, value in decoder.items()},
        "latent_avg": normal(7, (18, 512), 0.5),
        "opts": {"encoder_type": "Encoder4Editing", "stylegan_size": 1024, "start_from_latent_avg": True},
    }
    torch.save(content, tmp_path / "e4e_ffhq_encode.pt")
    del content, state, decoder
    (first, second), memory = import_apart(tmp_path / "e4e_ffhq_encode.pt", tmp_path / "e4e.safetensors")
    assert memory <= 2.2
    assert read_header(first).config["kind"] == "e4e"
    encoder = load_model(first)
    assert encoder(picture(4, 1, 3, 256)).shape == (1, 18, 512)
    generator = load_model(second)
    assert (generator.resolution, generator.num_ws) == (1024, 18)


@pytest.mark.parametrize(
    ("table", "family", "parameters"),
    [
        ("keys_deep3dfacerecon_net_recon", "pose", 24_034_625),
        ("keys_ir_se50", "identity", 43_797_696),
        ("keys_stylegan2_rosinality_1024_g_ema", "stylegan2", 30_370_060),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_the_other_full_size_files(tmp_path, table, family, parameters, zipped):
    state = weights(table)
    content = {"pose": {"net_recon": state}, "stylegan2": {"g_ema": state}}.get(family, state)
    torch.save(content, tmp_path / "file.pth", _use_new_zipfile_serialization=zipped)
    (path,), memory = import_apart(tmp_path / "file.pth", tmp_path / "out.safetensors")
    assert memory <= 2.2
    network = load_model(path)
    assert read_header(path).family == family
    assert sum(p.numel() for p in network.parameters()) == parameters
