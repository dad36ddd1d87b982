"""What the 3D generator is asked for: the true field, the true rays, the true pictures."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.eg3d import EG3DGenerator
from ...networks.rays import make_rays, split_label
from ...networks.volume_rendering import make_jitter, render_rays
from .detail import detail, mouth, robust
from .heads_seen import Batch, FieldSamples

STEEPNESS = 12000.0
"""Raw density per world unit of depth below the thickened surface: opaque after about 0.015."""
THICKEN = 0.004
"""How far outside the true surface the density begins, world units; so thin rims are opaque too."""
DENSITY_RANGE = (-12.0, 300.0)
"""Limits of the wanted raw density: nothing outside the head, opaque inside."""
DENSITY_SCALE = 4.0
"""Raw density where its compressed scale turns from linear to logarithmic."""
BORDER = 4
"""Pixels of a cut-out that super-resolution cannot know, because their neighbours are missing."""


def field_loss(generator: EG3DGenerator, planes: Tensor, truth: FieldSamples) -> tuple[Tensor, Tensor]:
    """Errors of density (on a compressed scale) and of colour at 3D points."""
    features, sigma = generator.field(planes, truth.points)
    wanted = (STEEPNESS * (THICKEN - truth.distance)).clamp(*DENSITY_RANGE)
    density = F.smooth_l1_loss(
        torch.asinh(sigma[..., 0] / DENSITY_SCALE), torch.asinh(wanted / DENSITY_SCALE)
    )
    gap = (features[..., :3] - truth.colour).abs().mean(dim=-1)
    return density, (gap * truth.coloured).sum() / truth.coloured.sum().clamp_min(1.0)


def picture_loss(image: Tensor, truth: Tensor, wanted: Tensor) -> Tensor:
    """Twice Huber's error weighted by detail and by `wanted`, and L1 of the differences between neighbours.

    Small errors count by their square: with plain L1, white background would pull as hard as a wrong shirt.
    """
    weight = detail(truth) * wanted
    gap = image - truth
    loss = 2 * (robust(gap) * weight).mean()
    return (
        loss
        + 0.5 * (gap.diff(dim=2).abs() * weight[:, :, 1:]).mean()
        + 0.5 * (gap.diff(dim=3).abs() * weight[..., 1:]).mean()
    )


def cut_places(heads: Batch, side: int, rng: torch.Generator) -> Tensor:
    """Top-left corners [B, 2] (row, column) of cut-outs of the 64 px raw picture, mostly about the face."""
    count = len(heads.latents)
    box = heads.face_box / 2
    centre = torch.stack([(box[:, 1] + box[:, 3]) / 2, (box[:, 0] + box[:, 2]) / 2], dim=1)
    aimed = centre + (torch.rand(count, 2, generator=rng).to(box) - 0.5) * 20
    anywhere = torch.rand(count, 2, generator=rng).to(box) * 64
    on_face = torch.rand(count, 1, generator=rng).to(box) < 0.65
    return (torch.where(on_face, aimed, anywhere) - side / 2).round().clamp(0, 64 - side).long()


def cut(picture: Tensor, places: Tensor, side: int) -> Tensor:
    """Cut-outs [B, C, side, side] of pictures at the places [B, 2]."""
    rows = zip(picture, places.tolist(), strict=True)
    return torch.stack([x[:, r : r + side, c : c + side] for x, (r, c) in rows])


def knowable(places: Tensor, side: int) -> Tensor:
    """[B, 1, 2 * side, 2 * side]: False along the edges of enlarged cut-outs, but not where the picture ends.

    There super-resolution meets its own padding, as it does in whole pictures, and can learn to.
    """
    line = torch.arange(2 * side, device=places.device)
    after = (line >= BORDER) | (places == 0)[..., None]  # [B, 2, 2 * side]: rows, columns
    before = (line < 2 * side - BORDER) | (places == 64 - side)[..., None]
    rows, columns = (after & before).unbind(1)
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def cut_losses(
    generator: EG3DGenerator, planes: Tensor, ws: Tensor, heads: Batch, side: int, rng: torch.Generator
) -> dict[str, Tensor]:
    """Render cut-outs of the raw picture, enlarge them, compare colour, opacity and depth with the truth."""
    places = cut_places(heads, side, rng)
    origins, directions = (
        cut(x.transpose(1, 2).unflatten(2, (64, 64)), places, side).flatten(2).transpose(1, 2)
        for x in make_rays(*split_label(heads.cameras), 64)
    )
    settings = generator.config.rendering
    jitter = make_jitter(len(planes), side * side, settings, planes, rng)
    rays = render_rays(partial(generator.field, planes), origins, directions, settings, jitter)
    features, depth, weight = (
        x.transpose(1, 2).unflatten(2, (side, side)) for x in (rays.features, rays.depth, rays.weight)
    )
    image = generator.superresolution.enlarge(features[:, :3], features, ws, "none")
    truth = cut(heads.image, places * 2, side * 2)
    wanted = cut(mouth(heads.cameras, 2 * 64), places * 2, side * 2)
    losses = {"raw": picture_loss(features[:, :3], F.avg_pool2d(truth, 2), F.avg_pool2d(wanted, 2))}
    losses["image"] = picture_loss(torch.where(knowable(places, side), image, truth), truth, wanted)
    return losses | shape_losses(depth, weight, heads, places, side)


def shape_losses(depth: Tensor, weight: Tensor, heads: Batch, places: Tensor, side: int) -> dict[str, Tensor]:
    """Errors of opacity everywhere and of depth on the head."""
    mask = cut(F.avg_pool2d(heads.mask, 2), places, side)
    known = (mask > 0.99).float()
    true_depth = cut(F.avg_pool2d(heads.depth, 2), places, side)
    gap = ((depth - true_depth).abs() * known).sum() / known.sum().clamp_min(1.0)
    return {"mask": (weight - mask).abs().mean(), "depth": gap}


def whole_losses(
    generator: EG3DGenerator, planes: Tensor, ws: Tensor, heads: Batch, side: int, rng: torch.Generator
) -> dict[str, Tensor]:
    """Whole pictures at a neural rendering resolution of `side`."""
    out = generator.render(planes, ws, heads.cameras, rng=rng, neural_rendering_resolution=side)
    small = F.interpolate(heads.image, (side, side), mode="area")
    return {
        "raw": picture_loss(out.image_raw, small, mouth(heads.cameras, side)),
        "image": picture_loss(out.image, heads.image, mouth(heads.cameras, heads.image.shape[-1])),
    }
