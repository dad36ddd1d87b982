"""Small random stand-ins for the networks: a run of every method takes seconds and no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from itportrait_core.guidance.clip import ClipModel
from itportrait_core.guidance.clip_network import ClipConfig, ClipNetwork
from itportrait_core.guidance.perceptual import Perceptual, random_trunk
from itportrait_core.methods.configs import APTConfig
from itportrait_core.methods.inversion.photo_prior import PhotoPrior
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.trainable import copy_for_training
from itportrait_core.methods.stylize.apt import APT
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import POSE_HEADS, PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

CONTEXT = 16


def tiny_generator(seed: int = 0, resolution: int = 16) -> EG3DGenerator:
    """An EG3D with 8 latents: planes of 32 px, neural rendering of 8 px, pictures of 16 px."""
    config = EG3DConfig(
        z_dim=8,
        w_dim=12,
        backbone_resolution=32,
        plane_channels=8,
        channel_base=256,
        channel_max=8,
        decoder_hidden=8,
        neural_rendering_resolution=8,
        superresolution=SuperResolutionConfig(resolution // 2, (8, 8), (1, 2)),
        rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6),
    )
    return EG3DGenerator(config, seed=seed).eval().requires_grad_(False)


def byte_tokens(texts: list[str]) -> Tensor:
    """[B, CONTEXT] bytes of the texts, hashed so that long sentences differ; 255 ends them."""
    rows = torch.zeros(len(texts), CONTEXT, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        data = text.encode()
        for index, byte in enumerate(data):
            row[index % (CONTEXT - 1)] = (row[index % (CONTEXT - 1)] * 31 + byte) % 254 + 1
        row[min(len(data), CONTEXT - 1)] = 255
    return rows


def tiny_clip(seed: int = 0, name: str = "tiny") -> ClipModel:
    """An untrained open_clip model of 16 px."""
    config = ClipConfig(
        embed_dim=16,
        vision_cfg={"image_size": 16, "patch_size": 8, "width": 32, "head_width": 16, "layers": 2},
        text_cfg={"context_length": CONTEXT, "vocab_size": 256, "width": 32, "heads": 2, "layers": 2},
    )
    network = ClipNetwork(config, seed=seed)
    return ClipModel(network, byte_tokens, size=16, mean=config.mean, std=config.std, name=name)


def tiny_perceptual(seed: int = 0) -> Perceptual:
    """LPIPS with a random trunk (it needs 32 px or more, so pictures are enlarged)."""
    return random_trunk(seed)


def tiny_portrait(generator: EG3DGenerator, seed: int = 3) -> Portrait:
    """A person of that generator, with a picture that no latent of it shows."""
    portrait = sample_portrait(generator, seed)
    picture = torch.rand(portrait.image.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return Portrait(ws=portrait.ws, camera=portrait.camera, image=picture)


def tiny_apt(
    generator: EG3DGenerator, portrait: Portrait, perceptual: Perceptual, clips: Sequence[ClipModel] = (),
    **changes: Any,
) -> APT:  # fmt: skip
    """APT at its first step on a copy of the generator, with some settings changed."""
    config = APTConfig(**changes)
    style = copy_for_training(generator, config.modules)
    return APT(generator, style, portrait, config, perceptual, torch.Generator().manual_seed(1), clips)


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    """Whether all tensors are equal bit for bit."""
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def tiny_prior() -> PhotoPrior:
    """Untrained networks of the right kinds behind photo twins; 8 latents, pictures of 32 px."""
    photo = StyleGAN2Generator(
        StyleGAN2Config(z_dim=8, w_dim=12, resolution=32, channel_base=256, channel_max=8)
    )
    encoder = StyleEncoder(
        StyleEncoderConfig(input_size=32, widths=(4, 4, 8, 8), units=(1, 1, 1, 1), style_count=8, code_dim=12,
                           style_width=4)
    )  # fmt: skip
    pose = PoseNet(PoseConfig(input_size=32, blocks=(1, 1), width=4, heads=POSE_HEADS))
    identity = IdentityNet(IdentityConfig(16, (4, 4), (1, 1), 8))
    for network in (photo, encoder, pose, identity):
        network.eval().requires_grad_(False)
    return PhotoPrior(photo, encoder, pose, identity)
