"""Small networks of the official kinds, and the settings that their files state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from itportrait_core.networks.arcface import IdentityConfig
from itportrait_core.networks.eg3d_config import SUPERRESOLUTION, EG3DConfig, RenderingConfig
from itportrait_core.networks.encoders import StyleEncoderConfig
from itportrait_core.networks.pose import PoseConfig

INIT = {
    "z_dim": 16,
    "c_dim": 25,
    "w_dim": 512,
    "img_resolution": 128,
    "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2},
    "channel_base": 128,
    "channel_max": 8,
    "num_fp16_res": 0,
    "sr_num_fp16_res": 4,
    "conv_clamp": None,
    "rendering_kwargs": {
        "superresolution_module": "training.superresolution.SuperresolutionHybrid2X",
        "depth_resolution": 6,
        "depth_resolution_importance": 6,
        "ray_start": 0.1,
        "ray_end": 2.6,
        "box_warp": 1.6,
        "white_back": True,
        "c_gen_conditioning_zero": True,
        "c_scale": 1.0,
        "sr_antialias": True,
        "decoder_lr_mul": 1.0,
        "avg_camera_radius": 1.7,
        "avg_camera_pivot": [0, 0, 0],
        "density_reg": 0.25,
        "gpc_reg_prob": None,
    },
}


CARS = EG3DConfig(
    z_dim=16,
    backbone_resolution=16,
    channel_base=128,
    channel_max=8,
    neural_rendering_resolution=64,
    superresolution=SUPERRESOLUTION["SuperresolutionHybrid2X"],
    rendering=RenderingConfig(
        depth_resolution=6,
        depth_resolution_importance=6,
        ray_start=0.1,
        ray_end=2.6,
        box_warp=1.6,
        white_back=True,
        c_gen_conditioning_zero=True,
        avg_camera_radius=1.7,
        avg_camera_pivot=(0, 0, 0),
    ),
)


ENCODER = StyleEncoderConfig(
    input_size=64, widths=(16, 24, 32, 40), units=(1, 1, 2, 1), style_count=8, code_dim=24, style_width=24
)


POSE = PoseConfig(blocks=(1, 2, 1, 1), width=8)


IDENTITY = IdentityConfig(64, (8, 16, 24, 32), (1, 1, 2, 1), 16)


def save(path: Path, value: Any, zipped: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path
