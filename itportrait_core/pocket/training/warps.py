"""Small changes of a picture's frame: turn, shift and zoom. What comes in from outside is white, as the
background.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def move(x: Tensor, roll_deg: Tensor, shift: Tensor, zoom: Tensor) -> Tensor:
    """Turn, shift and enlarge pictures about their centre.

    Args:
        x: `[B, 3, H, H]` in [-1, 1] on white.
        roll_deg: `[B]`; the result is what a camera with this `roll_deg` of `cameras.orbit` sees.
        shift: `[B, 2]`, right and down, in picture sides.
        zoom: `[B]`, above 1 enlarges.
    """
    angle = torch.deg2rad(roll_deg)
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    # Row by row: where a pixel of the result comes from.
    turn = torch.stack((cos, -sin, sin, cos), 1).view(-1, 2, 2)
    rows = torch.cat((turn, turn @ (-2 * shift[:, :, None])), 2)
    grid = F.affine_grid(rows.to(x), list(x.shape), align_corners=False)
    return F.grid_sample(x - 1, grid, padding_mode="zeros", align_corners=False) + 1


def random_move(
    x: Tensor, rng: torch.Generator, roll: float = 0.0, shift: float = 0.02, zoom: float = 0.05
) -> tuple[Tensor, Tensor]:
    """Pictures moved at random within the limits (degrees, sides, share), and the roll in degrees `[B]`."""
    b = x.shape[0]
    u = torch.rand(4, b, generator=rng) * 2 - 1
    roll_deg = u[0] * roll
    return move(x, roll_deg, u[1:3].t() * shift, torch.exp(u[3] * zoom)), roll_deg
