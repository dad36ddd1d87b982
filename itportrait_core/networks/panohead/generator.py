"""PanoHead: EG3D with tri-grids, a background and a raw to-RGB layer (docs/eg3d.md#panohead).

Names are the official ones, without `t_mapping.*`: that camera correction acts in the published `forward`
alone, which no published script calls. No numbers of the original were at hand to compare with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..eg3d.generator import EG3DGenerator
from ..eg3d_config import Axes, EG3DConfig
from ..ops import LRELU_SLOPE
from ..stylegan2 import SynthesisNetwork
from ..stylegan2_layers import ToRGBLayer, draw_weights
from ..triplane import Decoder, mean_of_planes

Axes3 = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
GRID_AXES: Axes3 = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
"""World axes (width, height, depth) of each grid."""
CROP_MARGIN = 0.1
"""World units at the sides of the box that are rendered empty."""
EMPTY = -1000.0
"""Raw density there."""


@dataclass(frozen=True)
class PanoHeadConfig(EG3DConfig):
    """Everything that is needed to build a PanoHead generator. The defaults are the published setting."""

    plane_axes: Axes = ((0, 1), (0, 2), (1, 2))
    """World axes (u, v) of each plane; the grids go along the third axis as well."""
    grid_depth: int = 3
    """Layers of each grid (triplane_depth)."""
    decoder_activation: str = "none"
    """What the decoder's colours go through: "sigmoid" (as EG3D), "lrelu" or "none"."""
    raw_to_rgb: bool = True
    """A layer of its own makes the raw picture (use_torgb_raw); otherwise it is the first three features."""
    background: bool = True
    """A 2D network fills what the rays do not hit."""

    @property
    def backbone_channels(self) -> int:
        """Channels of the backbone's output: all grids."""
        return 3 * self.plane_channels * self.grid_depth


def sample_grids(grids: Tensor, points: Tensor, box_warp: float, depth: int) -> Tensor:
    """Read every grid at the points, trilinearly; zero outside the box.

    Args:
        grids: [B, 3, C * depth, H, W]; the layers of one channel are neighbours.
        points: [B, P, 3], world units.

    Returns:
        [B, 3, C, P].
    """
    points = points * (2.0 / box_warp)
    places = torch.stack([points[..., list(axes)] for axes in GRID_AXES], dim=1)  # [B, 3, P, 3]
    volumes = grids.flatten(0, 1).unflatten(1, (-1, depth))  # [B * 3, C, depth, H, W]
    read = F.grid_sample(
        volumes,
        places.flatten(0, 1)[:, None, None],
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return read.reshape(*grids.shape[:2], volumes.shape[1], -1)


class PanoHeadDecoder(Decoder):
    """EG3D's decoder with a choice of activation."""

    def __init__(self, channels: int, hidden: int, lr_multiplier: float, activation: str) -> None:
        super().__init__(channels, hidden, lr_multiplier)
        self.activation = activation
        if activation != "sigmoid":
            self.colors = (1.0, 0.0)

    def raw(self, x: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        """[B, P, C] times `factor` -> features [B, P, C] and raw density [B, P, 1]."""
        if self.activation == "sigmoid":
            return super().raw(x, factor)
        sigma, colours = self.net[2].linear(self.hidden(x, factor)).split((1, self.channels), dim=-1)
        if self.activation == "lrelu":
            colours = F.leaky_relu(colours, LRELU_SLOPE) * math.sqrt(2.0)
        return colours, sigma

    def rgb(self, x: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        """As EG3D's, with the same activation."""
        features, sigma = self(x, factor)
        return features[..., :3], sigma


class PanoHeadGenerator(EG3DGenerator):
    """Latents to pictures of a whole head from any camera around it."""

    family = "panohead"
    config: PanoHeadConfig

    def __init__(self, config: PanoHeadConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded."""
        super().__init__(config, seed=None)
        multiplier = config.rendering.decoder_lr_mul
        self.decoder = PanoHeadDecoder(
            config.plane_channels, config.decoder_hidden, multiplier, config.decoder_activation
        )
        if config.raw_to_rgb:
            self.torgb = ToRGBLayer(config.plane_channels, 3, config.w_dim)
        if config.background:
            self.bcg_synthesis = SynthesisNetwork(
                config.w_dim,
                config.superresolution.input_resolution,
                config.plane_channels,
                config.channel_base // 2,
                config.channel_max,
            )
        if seed is not None:
            draw_weights(self, seed)

    def read(self, planes: Tensor, points: Tensor) -> tuple[Tensor, float]:
        """As EG3D's, from grids [B, 3, C * depth, H, W]."""
        box, depth = self.config.rendering.box_warp, self.config.grid_depth
        return mean_of_planes(sample_grids(planes, points, box, depth))

    def shade(self, features: Tensor, weight: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
        """Put the background behind what the rays saw, and make the raw picture."""
        if self.config.decoder_activation != "sigmoid":
            features = (features + 1.0) / 2.0  # the renderer maps 0..1 to -1..1, which is not meant here
        if self.config.background:
            behind = self.bcg_synthesis(ws[:, : self.bcg_synthesis.num_ws])
            side = features.shape[-1]
            if behind.shape[-1] != side:
                behind = F.interpolate(
                    behind, (side, side), mode="bilinear", align_corners=False, antialias=True
                )
            features = features + (1.0 - weight) * behind
        rgb = self.torgb(features, ws[:, -1]) if self.config.raw_to_rgb else features[:, :3]
        return rgb, features

    def _noisy_field(
        self, planes: Tensor, points: Tensor, rng: torch.Generator | None, colors: bool = True
    ) -> tuple[Tensor, Tensor]:
        features, sigma = super()._noisy_field(planes, points, rng, colors)
        limit = self.config.rendering.box_warp / 2.0 - CROP_MARGIN
        outside = (points[..., [0, 2]].abs() > limit).any(dim=-1, keepdim=True)
        return features, sigma.masked_fill(outside, EMPTY)
