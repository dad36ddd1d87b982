"""A field stored in planes: how points read them, and the decoder behind (docs/eg3d.md#tri-planes)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import card_ops
from .eg3d_config import Axes
from .ops import FullyConnected, on_card


def sample_planes(planes: Tensor, points: Tensor, box_warp: float, axes: Axes) -> Tensor:
    """Read every plane where the points fall on it; zero outside the box.

    Args:
        planes: [B, 3, C, H, W].
        points: [B, P, 3], world units.
        box_warp: side of the box, world units.
        axes: world axes (u, v) of each plane; u runs along W.

    Returns:
        [B, 3, C, P].
    """
    read = F.grid_sample(
        planes.flatten(0, 1),
        places_on_planes(points, box_warp, axes).flatten(0, 1)[:, None],
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return read.reshape(*planes.shape[:3], -1)


def places_on_planes(points: Tensor, box_warp: float, axes: Axes) -> Tensor:
    """Where points [B, P, 3] fall on every plane, [B, 3, P, 2] in [-1, 1]."""
    points = points * (2.0 / box_warp)
    if on_card(points):  # without lists of indices, which would have to be copied there
        along = points.unbind(dim=-1)
        grid = torch.stack([along[axis] for pair in axes for axis in pair], dim=1)  # [B, 6, P]
        return grid.unflatten(1, (3, 2)).transpose(2, 3)
    return torch.stack([points[..., list(pair)] for pair in axes], dim=1)


def read_planes(planes: Tensor, points: Tensor, box_warp: float, axes: Axes) -> tuple[Tensor, float]:
    """`mean_of_planes` of `sample_planes`."""
    if on_card(points):
        grid = places_on_planes(points, box_warp, axes)
        return card_ops.SumOfPlanes.apply(planes, grid).transpose(1, 2), 1 / 3
    return mean_of_planes(sample_planes(planes, points, box_warp, axes))


def mean_of_planes(read: Tensor) -> tuple[Tensor, float]:
    """[B, 3, C, P] -> [B, P, C] and the factor that makes the mean of it.

    On a card that is the sum and 1/3, which the decoder applies to its few weights: a mean's gradient would
    write all three planes' numbers once more.
    """
    if on_card(read):
        return read.sum(dim=1).transpose(1, 2), 1 / 3
    return read.mean(dim=1).transpose(1, 2), 1.0


COLOR_SCALE, COLOR_SHIFT = 1 + 2 * 0.001, -0.001
"""Colours are a sigmoid made a little wider than 0..1."""


class Softplus(nn.Module):
    """log(1 + exp(x)); on a CPU its input is held above -30, where it is 1e-13.

    Trained decoders reach -200, where the result is too small for a normal float and a CPU slows down.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return card_ops.Softplus.apply(x) if on_card(x) else F.softplus(F.threshold(x, -30.0, -30.0))


class Decoder(nn.Module):
    """Two equalised linear layers from plane features to colour features and raw density."""

    colors = (COLOR_SCALE, COLOR_SHIFT)
    """Factor and addend that make colours of the features of `raw`."""

    def __init__(self, channels: int, hidden: int, lr_multiplier: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            FullyConnected(channels, hidden, lr_multiplier=lr_multiplier),
            Softplus(),
            FullyConnected(hidden, 1 + channels, lr_multiplier=lr_multiplier),
        )

    def forward(self, x: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        """[B, P, C], all times `factor`, -> features [B, P, C] in about 0..1 and raw density [B, P, 1]."""
        features, sigma = self.raw(x, factor)
        scale, shift = self.colors
        return features if (scale, shift) == (1.0, 0.0) else features * scale + shift, sigma

    def raw(self, x: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        """As `forward`, but features without the factor and the addend of `colors`."""
        made = self.net[2].linear(self.hidden(x, factor))
        if on_card(made):
            sigma, features = card_ops.SplitSigmoid.apply(made)
            return features, sigma
        sigma, features = made.split((1, self.channels), dim=-1)
        return torch.sigmoid(features), sigma

    def rgb(self, x: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        """As `forward`, of the features the first three alone: the rest is for super-resolution."""
        made = self.net[2].linear(self.hidden(x, factor), rows=4)
        scale, shift = self.colors
        return torch.sigmoid(made[..., 1:]) * scale + shift, made[..., :1]

    def density(self, x: Tensor, factor: float = 1.0, exact: bool = False) -> Tensor:
        """The raw density [B, P, 1] alone; `exact`: to the last bit what `forward` gives, at some cost."""
        hidden = self.hidden(x, factor)
        return self.net[2].linear(hidden)[..., :1] if exact else self.net[2].linear(hidden, rows=1)

    def hidden(self, x: Tensor, factor: float) -> Tensor:
        """What both share: [B, P, hidden]."""
        return self.net[1](self.net[0].linear(x, factor))

    @property
    def channels(self) -> int:
        """Number of colour features."""
        return self.net[2].weight.shape[0] - 1
