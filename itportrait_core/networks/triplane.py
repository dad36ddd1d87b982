"""A field stored in planes: how points read them, and the decoder behind (docs/eg3d.md#tri-planes)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .eg3d_config import Axes
from .ops import FullyConnected


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
    points = points * (2.0 / box_warp)
    grid = torch.stack([points[..., list(pair)] for pair in axes], dim=1)  # [B, 3, P, 2]
    read = F.grid_sample(
        planes.flatten(0, 1),
        grid.flatten(0, 1)[:, None],
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return read.reshape(*planes.shape[:3], -1)


class Softplus(nn.Module):
    """log(1 + exp(x)), its input held above -30, where it is 1e-13.

    Trained decoders reach -200, where the result is too small for a normal float and a CPU slows down.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return F.softplus(x.clamp_min(-30.0))


class Decoder(nn.Module):
    """Two equalised linear layers from plane features to colour features and raw density."""

    def __init__(self, channels: int, hidden: int, lr_multiplier: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            FullyConnected(channels, hidden, lr_multiplier=lr_multiplier),
            Softplus(),
            FullyConnected(hidden, 1 + channels, lr_multiplier=lr_multiplier),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, P, C] -> features [B, P, C] in about 0..1 and raw density [B, P, 1]."""
        x = self.net(x)
        return torch.sigmoid(x[..., 1:]) * (1 + 2 * 0.001) - 0.001, x[..., :1]
