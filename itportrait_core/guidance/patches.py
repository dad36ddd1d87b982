"""Random patches of pictures in random perspective, and a text's direction in them.

CLIPstyler (Kwon and Ye, CVPR 2022, arXiv 2112.00374, section 3.2): a text is to be seen in every part of a
picture, not only in the whole, so that texture changes too (docs/method.md#restated-methods).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .clip import ClipModel
from .directions import cosine, direction

DISTORTION = 0.5
"""How far a corner may move inwards, as a share of half the patch's side."""
FLOOR = 1e-6
"""Added to a direction's length: a patch never equals the whole picture, so it only guards the division."""
CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def draw_patches(count: int, side: float, rng: torch.Generator) -> Tensor:
    """Maps [count, 3, 3] from a patch, [-1, 1] squared, to a picture, [-1, 1] squared.

    Patches of `side` (a share of the picture's) lie anywhere in it. Each corner moves inwards by a uniform
    share of `DISTORTION` times half the side, so the view is a random perspective of the patch.
    """
    from kornia.geometry.transform import get_perspective_transform

    centre = (1 - side) * (2 * torch.rand(count, 1, 2, generator=rng) - 1)
    inwards = 1 - DISTORTION * torch.rand(count, 4, 2, generator=rng)
    corners = torch.tensor(CORNERS).expand(count, -1, -1)
    return get_perspective_transform(corners, centre + side * inwards * corners)


def take_patches(images: Tensor, maps: Tensor, size: int) -> Tensor:
    """Patches [B * N, 3, size, size] of pictures [B, 3, H, W] by `maps` [N, 3, 3], patch after patch.

    All N are read in one go from one tall grid, so that no picture is copied N times.
    """
    from kornia.geometry.linalg import transform_points

    steps = (torch.arange(size, device=images.device, dtype=images.dtype) * 2 + 1) / size - 1
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack([right, down], dim=-1).reshape(1, -1, 2).expand(len(maps), -1, -1)
    grid = transform_points(maps.to(images), points).reshape(1, len(maps) * size, size, 2)
    tall = F.grid_sample(
        images, grid.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=False
    )
    return tall.unflatten(2, (len(maps), size)).transpose(1, 2).flatten(0, 1)


def rejected(losses: Tensor, least: float) -> Tensor:
    """R(s, tau) of CLIPstyler's Eq. 4: 0 where `losses` are at most tau, themselves elsewhere.

    A patch that says the text already asks for nothing more; else the easiest ones would be overdone.
    """
    return torch.where(losses > least, losses, torch.zeros_like(losses))


class PatchDirection:
    """Mean over patches of R(1 - cos(E(patch) - E(source), Delta T), tau), summed over CLIP models."""

    def __init__(
        self, clips: Sequence[ClipModel], text: Sequence[Tensor], count: int, side: float, least: float
    ) -> None:
        """`text`: Delta T [D] of each model. `count` patches of `side` are drawn; `least`: tau."""
        self.clips, self.text, self.count, self.side, self.least = clips, text, count, side, least

    def loss(self, before: Tensor, after: Tensor, rng: torch.Generator) -> Tensor:
        """For whole pictures `before` [B, 3, H, W] and patches, drawn here, of `after`, `[]`."""
        maps, total = draw_patches(self.count, self.side, rng), after.new_zeros(())
        for clip, wanted in zip(self.clips, self.text, strict=True):
            with torch.no_grad():
                source = clip.embed_image(before)
            patches = clip.embed_image(take_patches(after, maps, clip.size))
            moved = direction(patches, source.repeat_interleave(self.count, 0))
            total = total + rejected(1 - cosine(moved, wanted, FLOOR), self.least).mean()
        return total
