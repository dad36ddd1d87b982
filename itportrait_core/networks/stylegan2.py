"""StyleGAN2: synthesis network with the "skip" architecture, and the 2D generator (docs/eg3d.md#synthesis).

Parameter names are those of NVIDIA's stylegan2-ada: `mapping.fc0.weight`, `synthesis.b4.conv1.affine.bias`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..config import Config
from ..errors import ITPortraitError
from .resampling import binomial_filter, upsample2d
from .stylegan2_layers import MappingNetwork, SynthesisLayer, ToRGBLayer, count_ws, draw_weights

NOISE_MODES = ("none", "const", "random")


@dataclass(frozen=True)
class StyleGAN2Config(Config):
    """Sizes of a StyleGAN2 generator. The defaults are NVIDIA's FFHQ at 1024 px."""

    z_dim: int = 512
    """Length of the input latent; 0 for none."""
    c_dim: int = 0
    """Length of the conditioning label; 0 for none."""
    w_dim: int = 512
    """Length of the intermediate latent."""
    resolution: int = 1024
    """Side of the picture in pixels, a power of two from 8."""
    img_channels: int = 3
    """Channels of the picture."""
    channel_base: int = 32768
    """A block of side r has min(channel_base // r, channel_max) channels."""
    channel_max: int = 512
    """Largest number of channels of a block."""
    mapping_layers: int = 8
    """Fully connected layers of the mapping network."""
    embed_features: int | None = None
    """Length of the embedded label; None for w_dim."""
    layer_features: int | None = None
    """Width of the inner mapping layers; None for w_dim."""
    conv_clamp: float | None = None
    """Limit of the absolute value after each layer; None for no limit."""

    @property
    def num_ws(self) -> int:
        """Number of style vectors: two for every block."""
        return count_ws(self.resolution)


class SynthesisBlock(nn.Module):
    """Layers of one resolution: conv0 (not in the first block), conv1 and torgb on the skip path."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        img_channels: int,
        up: int = 2,
        clamp: float | None = None,
    ) -> None:
        """`in_channels` 0 makes the first block, which starts from a learned constant."""
        super().__init__()
        self.in_channels, self.up, self.resolution = in_channels, up, resolution
        self.register_buffer("resample_filter", binomial_filter())
        if in_channels == 0:
            self.const = nn.Parameter(torch.empty(out_channels, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up=up, clamp=clamp)
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution, clamp=clamp)
        self.torgb = ToRGBLayer(out_channels, img_channels, w_dim, clamp=clamp)

    def initialise(self, rng: torch.Generator) -> None:
        """Draw the learned constant of the first block."""
        if self.in_channels == 0:
            with torch.no_grad():
                self.const.copy_(torch.randn(self.const.shape, generator=rng))

    def forward(
        self,
        x: Tensor | None,
        image: Tensor | None,
        ws: Tensor,
        noise_mode: str = "const",
        rng: torch.Generator | None = None,
        half: torch.dtype | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Features [B, I, h, h], picture [B, K, h, h] or None and ws [B, 2 or 3, w_dim] -> both at side r.

        `half`: type of the features, None for that of the weights; the picture stays as it is.
        """
        if x is None:
            x = self.const.expand(ws.shape[0], *self.const.shape)
        else:
            x = self.conv0(x if half is None else x.to(half), ws[:, 0], noise_mode, rng)
            ws = ws[:, 1:]
        x = self.conv1(x, ws[:, 0], noise_mode, rng)
        rgb = self.torgb(x if half is None else x.to(ws.dtype), ws[:, 1])
        if image is None:
            return x, rgb
        return x, (upsample2d(image) if self.up == 2 else image) + rgb


class SynthesisNetwork(nn.Module):
    """Style vectors to a picture (or to tri-planes): blocks b4, b8, ... with a skip path."""

    def __init__(
        self,
        w_dim: int,
        resolution: int,
        img_channels: int,
        channel_base: int = 32768,
        channel_max: int = 512,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.w_dim, self.resolution, self.img_channels = w_dim, resolution, img_channels
        self.num_ws = count_ws(resolution)
        self.block_resolutions = [2**level for level in range(2, self.num_ws // 2 + 2)]
        inputs = 0
        for side in self.block_resolutions:
            outputs = min(channel_base // side, channel_max)
            self.add_module(
                f"b{side}", SynthesisBlock(inputs, outputs, w_dim, side, img_channels, clamp=conv_clamp)
            )
            inputs = outputs

    def forward(self, ws: Tensor, noise_mode: str = "const", rng: torch.Generator | None = None) -> Tensor:
        """[B, num_ws, w_dim] -> [B, img_channels, r, r].

        Args:
            ws: style vectors; a block's torgb shares its vector with the conv0 of the next block.
            noise_mode: "none", "const" (the stored pictures) or "random" (needs `rng`).
            rng: source of the random noise.

        Raises:
            ITPortraitError: for style vectors of another model, or an unknown noise mode.
        """
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise ITPortraitError(
                f"Style vectors have shape {tuple(ws.shape)}, not [B, {self.num_ws}, {self.w_dim}]; "
                "use vectors that were made with the same kind of generator."
            )
        if noise_mode not in NOISE_MODES:
            raise ITPortraitError(
                f"Unknown noise mode {noise_mode!r}; choose one of {', '.join(NOISE_MODES)}."
            )
        ws = ws.to(self.b4.const.dtype)
        x = image = None
        for k, side in enumerate(self.block_resolutions):
            first = max(2 * k - 1, 0)
            x, image = self.get_submodule(f"b{side}")(x, image, ws[:, first : 2 * k + 2], noise_mode, rng)
        return image


class StyleGAN2Generator(nn.Module):
    """A 2D generator with the sub-modules `mapping` and `synthesis`."""

    def __init__(self, config: StyleGAN2Config, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded."""
        super().__init__()
        self.config = config
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.synthesis = SynthesisNetwork(
            config.w_dim,
            config.resolution,
            config.img_channels,
            config.channel_base,
            config.channel_max,
            config.conv_clamp,
        )
        self.mapping = MappingNetwork(
            config.z_dim,
            config.c_dim,
            config.w_dim,
            config.num_ws,
            config.mapping_layers,
            config.embed_features,
            config.layer_features,
        )
        if seed is not None:
            draw_weights(self, seed)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Latents [B, z_dim] -> pictures [B, 3, R, R], about [-1, 1] and not clamped."""
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff)
        return self.synthesis(ws, noise_mode, rng)
