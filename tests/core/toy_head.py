"""A generator whose scene is a formula: an egg with a nose, coloured by place, on white."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig, SuperResolutionConfig

AXES = (0.28, 0.36, 0.32)
"""Half axes of the egg, world units."""
NOSE = ((0.0, -0.02, 0.33), 0.07)
"""Centre and radius of the nose."""
SHARPNESS = 2e4
"""Raw density per world unit of depth under the surface."""


def distance(points: Tensor) -> Tensor:
    """About the distance to the surface `[..., 1]`; below 0 inside."""
    egg = ((points / points.new_tensor(AXES)).norm(dim=-1, keepdim=True) - 1.0) * min(AXES)
    nose = (points - points.new_tensor(NOSE[0])).norm(dim=-1, keepdim=True) - NOSE[1]
    return torch.minimum(egg, nose)


def colors(points: Tensor) -> Tensor:
    """RGB in 0..1, `[..., 3]`."""
    return (0.5 + points * points.new_tensor([1.0, 0.8, 0.9])).clamp(0.0, 1.0)


class _Enlarge(nn.Module):
    def forward(self, rgb: Tensor, features: Tensor, ws: Tensor, mode: str, generator: object) -> Tensor:
        return F.interpolate(rgb, scale_factor=2, mode="bilinear", align_corners=False)


class ToyHead(EG3DGenerator):
    """The rendering code is the real one; only the field is replaced."""

    def __init__(self, *, white_back: bool = True, side: int = 48, near: float = 2.1) -> None:
        rendering = RenderingConfig(
            depth_resolution=32,
            depth_resolution_importance=32,
            ray_start=near,
            ray_end=3.3,
            white_back=white_back,
        )
        super().__init__(
            EG3DConfig(
                z_dim=4,
                w_dim=4,
                backbone_resolution=8,
                plane_channels=4,
                channel_base=64,
                channel_max=8,
                neural_rendering_resolution=side,
                superresolution=SuperResolutionConfig(side, (4, 4), (1, 2)),
                rendering=rendering,
            )
        )
        self.superresolution = _Enlarge()

    def planes(self, ws: Tensor, noise_mode: str = "const", generator: object = None) -> Tensor:
        return ws.new_zeros(ws.shape[0], 3, 4, 128, 128)

    def field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        sigma = (5.0 - SHARPNESS * distance(points)).clamp(-40.0, 600.0)
        return torch.cat((colors(points), points[..., :1]), -1), sigma

    def colors(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        features, sigma = self.field(planes, points)
        return features[..., :3], sigma

    def density(self, planes: Tensor, points: Tensor) -> Tensor:
        return self.field(planes, points)[1]


def toy_ws() -> Tensor:
    """A latent of the right shape; the scene ignores it."""
    return torch.zeros(1, 4, 4)
