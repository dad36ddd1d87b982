"""Encoders from a picture to StyleGAN2 latents: pSp, e4e, ReStyle (docs/checkpoints.md#style-encoders)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config
from ..errors import ITPortraitError
from .irse import IRSETrunk
from .ops import FullyConnected
from .start_weights import fill, unfilled

KINDS = ("psp", "e4e", "restyle_psp", "restyle_e4e")


@dataclass(frozen=True)
class StyleEncoderConfig(Config):
    """Kind and sizes of a style encoder. The defaults are the published e4e for 1024 px faces."""

    kind: str = "e4e"
    """psp: a feature pyramid, independent vectors. e4e: the same, all vectors relative to the first.
    restyle_psp, restyle_e4e: one map for all vectors, refined over several passes."""
    input_channels: int = 3
    """3 for RGB; 6 for ReStyle, which sees the picture and its last reconstruction."""
    input_size: int = 256
    """Side of the picture that goes in, in pixels."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the trunk's groups; each group halves the side."""
    units: tuple[int, ...] = (3, 4, 14, 3)
    """Residual units in each group."""
    style_count: int = 18
    """Number of style vectors of the generator (num_ws)."""
    code_dim: int = 512
    """Length of a style vector (w_dim)."""
    style_width: int = 512
    """Channels inside the style blocks."""
    coarse_count: int = 3
    """Vectors read from the coarsest map; not used by ReStyle."""
    middle_count: int = 4
    """Vectors read from the middle map; the rest read the finest. Not used by ReStyle."""
    steps: int = 5
    """Passes of the ReStyle loop."""
    corrections: int = 0
    """Times a psp or e4e encoder that was trained for it looks at its own reconstruction and adds what it
    misses there; the published ones take one pass."""

    @property
    def iterative(self) -> bool:
        """True for the ReStyle kinds."""
        return self.kind.startswith("restyle")

    @property
    def passes(self) -> int:
        """Looks at a picture, the first one included."""
        return self.steps if self.iterative else 1 + self.corrections


class StyleBlock(nn.Module):
    """A feature map to one vector: halve the side until 1, then a linear layer."""

    def __init__(self, inputs: int, width: int, outputs: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(round(math.log2(side))):
            layers += [nn.Conv2d(inputs if number == 0 else width, width, 3, 2, 1), nn.LeakyReLU(0.01)]
        self.convs = nn.Sequential(*layers)
        self.linear = FullyConnected(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, side, side] -> [B, outputs]."""
        return self.linear(self.convs(x).flatten(1))


class StyleEncoder(IRSETrunk):
    """A picture to style vectors relative to the buffer `latent_avg` [style_count, code_dim]."""

    def __init__(self, config: StyleEncoderConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded.

        Raises:
            ITPortraitError: for an unknown kind, or an input that does not halve down to single pixels.
        """
        if config.kind not in KINDS:
            raise ITPortraitError(f"Unknown encoder kind {config.kind!r}; choose one of {', '.join(KINDS)}.")
        side = config.input_size >> len(config.widths)  # of the coarsest map
        if side < 2 or side << len(config.widths) != config.input_size or side & (side - 1):
            raise ITPortraitError(
                f"An encoder with {len(config.widths)} groups cannot take {config.input_size} px; "
                f"use a power of two from {2 << len(config.widths)}."
            )
        with unfilled():
            super().__init__(config.input_channels, config.widths, config.units)
            top = config.widths[-1]
            self.styles = nn.ModuleList(
                StyleBlock(top, config.style_width, config.code_dim, side << self.level(config, index))
                for index in range(config.style_count)
            )
            if not config.iterative:
                self.latlayer1 = nn.Conv2d(config.widths[-2], top, 1)
                self.latlayer2 = nn.Conv2d(config.widths[-3], top, 1)
            self.register_buffer("latent_avg", torch.zeros(config.style_count, config.code_dim))
        self.config = config
        fill(self, seed)
        if seed is not None:
            self.latent_avg.zero_()

    @staticmethod
    def level(config: StyleEncoderConfig, index: int) -> int:
        """Which map of the pyramid vector `index` reads: 0 coarse, 1 middle, 2 fine."""
        if config.iterative or index < config.coarse_count:
            return 0
        return 1 if index < config.coarse_count + config.middle_count else 2

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """Maps of equal width from coarse to fine; ReStyle has the coarse one alone."""
        maps = self.trunk(x)
        if self.config.iterative:
            return maps[-1:]
        middle = _enlarge_to(maps[-1], maps[-2]) + self.latlayer1(maps[-2])
        fine = _enlarge_to(middle, maps[-3]) + self.latlayer2(maps[-3])
        return [maps[-1], middle, fine]

    def forward(self, x: Tensor) -> Tensor:
        """[B, input_channels, S, S] in [-1, 1] -> codes [B, style_count, code_dim] without `latent_avg`."""
        expected = (self.config.input_channels, self.config.input_size, self.config.input_size)
        if tuple(x.shape[1:]) != expected:
            raise ITPortraitError(
                f"This encoder takes pictures of shape {expected}, got {tuple(x.shape[1:])}; "
                "resize them, or use `encode`."
            )
        maps = self.pyramid(x)
        rows = [block(maps[self.level(self.config, index)]) for index, block in enumerate(self.styles)]
        codes = torch.stack(rows, dim=1)
        if self.config.kind in ("e4e", "restyle_e4e"):  # every vector is the first plus its own offset
            codes = torch.cat([codes[:, :1], codes[:, :1] + codes[:, 1:]], dim=1)
        return codes


def encode(
    encoder: StyleEncoder,
    image: Tensor,
    synthesis: Callable[[Tensor], Tensor] | None = None,
    steps: int | None = None,
) -> Tensor:
    """The last of the `answers` to a picture: absolute style vectors [B, style_count, code_dim]."""
    return answers(encoder, image, synthesis, steps)[-1]


def answers(
    encoder: StyleEncoder,
    image: Tensor,
    synthesis: Callable[[Tensor], Tensor] | None = None,
    steps: int | None = None,
) -> list[Tensor]:
    """Absolute style vectors [B, style_count, code_dim] of a picture of any size, after every pass.

    Args:
        image: [B, 3, H, W] in [-1, 1], the aligned face; resized here.
        synthesis: style vectors -> pictures with fixed noise; only more than one pass needs it.
        steps: passes; None for the encoder's own number. A psp or e4e encoder that was not trained to correct
            itself takes one, whatever is asked.
    """
    size = encoder.config.input_size
    if image.shape[-2:] != (size, size):
        image = F.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
    config = encoder.config
    if not config.iterative and (config.corrections == 0 or steps == 1):
        return [encoder(image) + encoder.latent_avg]
    if synthesis is None:
        raise ITPortraitError("This encoder looks at its reconstructions: pass the generator's synthesis.")
    loop = restyle if config.iterative else correct
    return loop(encoder, image, synthesis, config.passes if steps is None else steps)


def correct(
    encoder: StyleEncoder,
    image: Tensor,
    synthesis: Callable[[Tensor], Tensor],
    steps: int = 2,
    read: Callable[[Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """Let an encoder of single pictures mend its answer: what it says too little about its own reconstruction
    is added, so that it rests where the picture and the reconstruction read the same.

    Gradients reach the encoder by what it reads; neither the reconstruction nor the answer before has any.

    Args:
        image: [B, 3, S, S] in [-1, 1] at the encoder's size.
        synthesis: style vectors -> pictures with fixed noise.
        steps: passes, the first one included.
        read: how the encoder is called, in half precision for instance; None for as it is.

    Returns:
        The style vectors [B, style_count, code_dim] after every pass.
    """
    read = read or encoder
    first_answer = read(image)
    history = [first_answer + encoder.latent_avg]
    for _ in range(steps - 1):
        codes = history[-1].detach()
        with torch.no_grad():
            image_now = F.adaptive_avg_pool2d(synthesis(codes), encoder.config.input_size)
        history.append(codes + first_answer - read(image_now))
    return history


def restyle(
    encoder: StyleEncoder, image: Tensor, synthesis: Callable[[Tensor], Tensor], steps: int = 5
) -> list[Tensor]:
    """The ReStyle loop: each pass corrects the style vectors after seeing what they look like.

    The first pass sees the picture of the mean vectors. Nothing is clamped between passes.

    Args:
        image: [B, 3, S, S] in [-1, 1] at the encoder's size.
        synthesis: style vectors -> pictures with fixed noise.

    Returns:
        The style vectors [B, style_count, code_dim] after every pass.
    """
    size = encoder.config.input_size
    codes = encoder.latent_avg.expand(image.shape[0], -1, -1)
    history = []
    for _ in range(steps):
        image_now = F.adaptive_avg_pool2d(synthesis(codes), size)
        codes = codes + encoder(torch.cat([image, image_now], dim=1))
        history.append(codes)
    return history


def _enlarge_to(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear enlargement in which corner samples stay corners, as the published encoders were trained."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)
