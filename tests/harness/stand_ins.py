"""Untrained networks in place of the embedded ones: small, made in a second; their pictures mean nothing."""

from __future__ import annotations

from pathlib import Path

from itportrait_core.checkpoints.format import save_model
from itportrait_core.guidance.clip_network import ClipConfig, ClipNetwork
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from itportrait_core.networks.trunk import Trunk, TrunkConfig

SIDE = 32
"""Pixels of the pictures of both generators."""
VOCABULARY = 4096
"""More tokens than the embedded tokenizer has."""


def write(folder: Path) -> Path:
    """Write one file for each name in `itportrait_core.checkpoints.embedded.NAMES`; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = {
        "generator": ("eg3d", generator()),
        "photo": ("stylegan2", _photo()),
        "encoder": ("style_encoder", _encoder()),
        "pose": ("pose", PoseNet(PoseConfig(input_size=SIDE, blocks=(1, 1, 1, 1), width=8))),
        "identity": ("identity", _identity()),
        "clip_guide": ("clip", _clip(1)),
        "clip_judge": ("clip", _clip(2)),
        "perceptual": ("perceptual", Trunk(TrunkConfig((4, 8, 8)))),
    }
    for name, (family, network) in networks.items():
        save_model(network, folder / f"{name}.safetensors", family=family, license="Apache-2.0")
    return folder


def generator(seed: int = 0, width: int = 16) -> EG3DGenerator:
    """An EG3D with 8 latents of `width` numbers, pictures of `SIDE` pixels."""
    config = EG3DConfig(
        z_dim=16,
        w_dim=width,
        backbone_resolution=32,
        plane_channels=8,
        channel_base=256,
        channel_max=8,
        decoder_hidden=8,
        neural_rendering_resolution=16,
        superresolution=SuperResolutionConfig(SIDE // 2, (8, 8), (1, 2)),
        rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6),
    )
    return EG3DGenerator(config, seed=seed)


def _photo() -> StyleGAN2Generator:
    config = StyleGAN2Config(
        z_dim=16, w_dim=16, resolution=SIDE, channel_base=256, channel_max=8, mapping_layers=2
    )
    return StyleGAN2Generator(config, seed=0)


def _encoder() -> StyleEncoder:
    config = StyleEncoderConfig(
        input_size=64, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), style_count=8, code_dim=16, style_width=8
    )
    return StyleEncoder(config)


def _identity() -> IdentityNet:
    return IdentityNet(
        IdentityConfig(input_size=32, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), embedding_dim=16)
    )


def _clip(seed: int) -> ClipNetwork:
    text = {"context_length": 32, "vocab_size": VOCABULARY, "width": 32, "heads": 2, "layers": 1}
    picture = {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16, "layers": 1}
    return ClipNetwork(ClipConfig(16, picture, text), seed=seed)
