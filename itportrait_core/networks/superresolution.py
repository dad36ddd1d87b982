"""Super-resolution behind the neural renderer (docs/eg3d.md#super-resolution)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ITPortraitError
from .eg3d_config import SuperResolutionConfig
from .ops import half_type
from .resampling import binomial_filter
from .stylegan2 import SynthesisBlock


class SuperResolution(nn.Module):
    """Two synthesis blocks, all driven by the last style vector; enlarges features and raw picture."""

    def __init__(self, config: SuperResolutionConfig, in_channels: int, w_dim: int) -> None:
        super().__init__()
        self.config = config
        self.half = False
        """Whether features are computed in half precision, where the device can: half the memory, and faster
        on graphics cards; pictures change by less than a grey level. Weights stay float32."""
        sides = (
            config.input_resolution * config.up[0],
            config.input_resolution * config.up[0] * config.up[1],
        )
        for i, inputs in enumerate((in_channels, config.channels[0])):
            block = SynthesisBlock(
                inputs,
                config.channels[i],
                w_dim,
                sides[i],
                img_channels=3,
                up=config.up[i],
                clamp=config.conv_clamp,
            )
            self.add_module(f"block{i}", block)
        if config.has_filter:
            self.register_buffer("resample_filter", binomial_filter())

    def forward(
        self,
        rgb: Tensor,
        features: Tensor,
        ws: Tensor,
        noise_mode: str,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Enlarge a raw picture.

        Args:
            rgb: [B, 3, R, R], about [-1, 1]; left as it is.
            features: [B, C, R, R].
            ws: [B, num_ws, w_dim], or of fewer people, of whom several pictures follow each other in turn;
                only the last vector is used.
            noise_mode: "none", "const" or "random" (needs `rng`).
            rng: source of the random noise.

        Returns:
            [B, 3, S, S].
        """
        size = self.config.input_resolution
        if self.needs_resize(features.shape[-1]):
            rgb, features = (
                F.interpolate(
                    x, (size, size), mode="bilinear", align_corners=False, antialias=self.config.antialias
                )
                for x in (rgb, features)
            )
        return self.enlarge(rgb, features, ws, noise_mode, rng)

    def enlarge(
        self,
        rgb: Tensor,
        features: Tensor,
        ws: Tensor,
        noise_mode: str,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """The two blocks alone; without constant noise, which has a fixed size, also for cut-outs."""
        last = ws[:, -1:].expand(-1, 3, -1)
        half = half_type(ws.device.type) if self.half else None
        for block in (self.block0, self.block1):
            features, rgb = block(features, rgb, last, noise_mode, rng, half)
        return rgb

    def needs_resize(self, side: int) -> bool:
        """Whether features of this side must be resized first.

        Raises:
            ITPortraitError: for a side that this module cannot take.
        """
        wanted = self.config.input_resolution
        if self.config.resize == "smaller" and side > wanted:
            raise ITPortraitError(
                f"The neural rendering resolution {side} is too large here; use {wanted} or less."
            )
        return side != wanted
