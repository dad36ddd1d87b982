"""Depth losses that keep a portrait solid (docs/method.md#depth-losses)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.camera import Camera
from ..networks.generator3d import RenderOutput


def depth_smoothness(depth: Tensor) -> Tensor:
    """Total variation of a depth map: mean of (d - d_right)^2 + (d - d_down)^2.

    Args:
        depth: [B,1,H,W], distance along the unit ray.

    Returns:
        [B]
    """
    here = depth[:, :, :-1, :-1]
    right, down = depth[:, :, :-1, 1:], depth[:, :, 1:, :-1]
    return ((here - right).square() + (here - down).square()).mean(dim=(1, 2, 3))


def depth_difference(depth: Tensor, reference: Tensor) -> Tensor:
    """Mean squared difference of two depth maps [B,1,H,W], per sample [B] (consistency to a frozen model)."""
    return (depth - reference).square().mean(dim=(1, 2, 3))


def fit_depth(depth: Tensor, side: int) -> Tensor:
    """A depth map [N, 1, h, w] averaged down to `side`."""
    return depth if depth.shape[-1] == side else F.interpolate(depth, (side, side), mode="area")


def unproject(depth: Tensor, camera: Tensor) -> Tensor:
    """World points [B,H*W,3] of a depth map [B,1,H,W] (distance along the unit ray) from `camera` [B,25]."""
    batch, _, height, width = depth.shape
    pose, lens = Camera(camera).cam2world, Camera(camera).intrinsics
    v, u = torch.meshgrid(
        (torch.arange(height, device=depth.device, dtype=depth.dtype) + 0.5) / height,
        (torch.arange(width, device=depth.device, dtype=depth.dtype) + 0.5) / width,
        indexing="ij",
    )
    x = (u.reshape(1, -1) - lens[:, 0, 2:3]) / lens[:, 0, 0:1]
    y = (v.reshape(1, -1) - lens[:, 1, 2:3]) / lens[:, 1, 1:2]
    rays = F.normalize(torch.stack([x, y, torch.ones_like(x)], dim=-1), dim=-1)  # [B,HW,3]
    world = rays @ pose[:, :3, :3].transpose(1, 2)
    return pose[:, None, :3, 3] + world * depth.view(batch, -1, 1)


def project(points: Tensor, camera: Tensor) -> Tensor:
    """Picture positions [B,N,2] in [-1,1] (grid_sample's convention) of world points [B,N,3]."""
    pose, lens = Camera(camera).cam2world, Camera(camera).intrinsics
    local = (points - pose[:, None, :3, 3]) @ pose[:, :3, :3]
    z = local[..., 2].clamp_min(1e-4)
    u = local[..., 0] / z * lens[:, None, 0, 0] + lens[:, None, 0, 2]
    v = local[..., 1] / z * lens[:, None, 1, 1] + lens[:, None, 1, 2]
    return torch.stack([2 * u - 1, 2 * v - 1], dim=-1)


def warp_loss(
    features: Callable[[Tensor], Tensor],
    rendered: RenderOutput,
    target: Tensor,
    camera: Tensor,
    front: Tensor,
) -> Tensor:
    """Ko et al.'s warping loss: the picture, pulled to the front through depth, matches the front render.

    Args:
        features: picture [B,3,H,W] -> one feature map [B,C,h,w].
        rendered: a render at `front` [B,25].
        target: the picture [B,3,H,W] in [-1,1], seen from `camera` [B,25].

    Returns:
        [B]: mean squared feature difference where the depth lies before its mean (the head).
    """
    depth = rendered.image_depth
    batch, _, height, width = depth.shape
    grid = project(unproject(depth, front), camera).view(batch, height, width, 2)
    warped = F.grid_sample(target, grid, mode="bilinear", padding_mode="border", align_corners=False)
    render = F.interpolate(rendered.image, (height, width), mode="area")
    head = (depth < depth.mean(dim=(2, 3), keepdim=True)).to(depth.dtype)
    first, second = features(warped), features(render)
    head = F.interpolate(head, first.shape[-2:], mode="area")
    return ((first - second).square() * head).mean(dim=(1, 2, 3))
