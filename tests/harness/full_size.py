"""Full-size networks with random weights as the files that users have, written into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig

from .official_files import eg3d_generator, write_snapshot
from .seeded_weights import DATA, draw, normal, read_table, weights

FILES = ("ffhq512-128.pkl", "e4e_ffhq_encode.pt", "epoch_20.pth", "model_ir_se50.pth")
"""EG3D; the e4e encoder with StyleGAN2 1024 inside; Deep3DFaceRecon; IR-SE50."""


def write(folder: Path) -> int:
    """Write `FILES`; returns their bytes. One network is in memory at a time."""
    _eg3d(folder / FILES[0])
    _e4e(folder / FILES[1])
    torch.save(
        {"net_recon": weights("keys_deep3dfacerecon_net_recon"), "opt_00": {}, "sched_00": {}},
        folder / FILES[2],
    )
    torch.save(weights("keys_ir_se50"), folder / FILES[3])
    return sum((folder / name).stat().st_size for name in FILES)


def _eg3d(path: Path) -> None:
    init = json.loads((DATA / "keys" / "init_kwargs_ffhq512-128.json").read_text())["init_kwargs"]
    write_snapshot(path, G_ema=eg3d_generator(EG3DGenerator(EG3DConfig(), seed=5), init))


def _e4e(path: Path) -> None:
    state = {key: value for key, value in draw(read_table("keys_e4e_encoder"))}
    decoder = weights("keys_stylegan2_rosinality_1024_g_ema")
    opts = {"encoder_type": "Encoder4Editing", "stylegan_size": 1024, "start_from_latent_avg": True}
    content = {
        "state_dict": state | {f"decoder.{key}": value for key, value in decoder.items()},
        "latent_avg": normal(7, (18, 512), 0.5),
        "opts": opts,
    }
    torch.save(content, path)
