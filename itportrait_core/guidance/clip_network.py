"""Small CLIP networks of our own with the embedded tokenizer, family "clip" on disk."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints.building import register_family
from ..config import Config
from .small_clip import SmallClip
from .small_towers import LAYERS


@dataclasses.dataclass(frozen=True)
class ClipConfig(Config):
    """A model config in open_clip's terms and how its inputs are prepared."""

    embed_dim: int
    """Length of the embeddings."""
    vision_cfg: dict[str, Any]
    """open_clip's `CLIPVisionCfg` as a dict; holds `image_size`."""
    text_cfg: dict[str, Any]
    """open_clip's `CLIPTextCfg` as a dict; its vocabulary is the embedded tokenizer's."""
    quick_gelu: bool = False
    """QuickGELU instead of GELU."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Mean of the pictures in [0, 1] that the network expects to be taken off."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Deviation that they are divided by."""
    templates: tuple[str, ...] = ("{}",)
    """Sentences that a phrase is put into; those that the network was trained on."""


class ClipNetwork(nn.Module):
    """A CLIP (as `model`) with the embedded tokenizer: `SmallClip` for our towers, else `open_clip.CLIP`."""

    def __init__(self, config: ClipConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded."""
        super().__init__()
        self.config = config
        # start weights come from the global generator; fork it so that the caller's draws stay untouched
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0 if seed is None else seed)
            self.model = _network(config)

    def encode_image(self, images: Tensor) -> Tensor:
        """Prepared pictures [B, 3, S, S] -> embeddings [B, embed_dim], not normalised."""
        out: Tensor = self.model.encode_image(images)
        return out

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Tokens [B, context] -> embeddings [B, embed_dim], not normalised."""
        out: Tensor = self.model.encode_text(tokens)
        return out

    def tokenize(self, texts: list[str]) -> Tensor:
        """Sentences -> tokens [B, context]."""
        from .small_tokenizer import tokenize

        return tokenize(texts, self.model.context_length)


def _network(config: ClipConfig) -> Any:
    """The network of a config; only towers that are not ours need open_clip."""
    tower = config.vision_cfg.get("timm_model_name", "")
    if tower in LAYERS:
        return SmallClip(config.embed_dim, tower, config.text_cfg, config.quick_gelu)
    from open_clip.model import CLIP

    return CLIP(config.embed_dim, config.vision_cfg, config.text_cfg, config.quick_gelu)


register_family("clip", ClipConfig, ClipNetwork)
