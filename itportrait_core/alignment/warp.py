"""Cut squares out of pictures and put them back: one resampling each, borders filled as FFHQ does."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ITPortraitError
from .frame import Square

FADE = 0.3
"""Width of the border fade over the FFHQ side (docs/alignment.md#ffhq-square)."""
BLUR = 0.02
"""Standard deviation of the border blur over the FFHQ side (docs/alignment.md#ffhq-square)."""
MAX_SIZE = 8192
"""Largest crop that is drawn, pixels: a slip in a widget must not ask for gigabytes."""


def cut(image: Tensor, square: Square, size: int, *, face_side: float | None = None) -> Tensor:
    """The square as an upright picture.

    What lies outside the picture is its reflection, blurred and fading to its median colour towards the
    outside (docs/alignment.md). The fade begins a little inside the border, as in FFHQ; a square that lies
    within the picture is not touched.

    Args:
        image: `[1, 3, H, W]`.
        square: region of `image`, pixels.
        size: side of the result, pixels.
        face_side: FFHQ side in pixels, which scales fade and blur; None takes the square's own side.

    Returns:
        `[1, 3, size, size]`, same range as `image`.
    """
    _check(image, size)
    small, to_small = _shrink(image, square.side / size)
    matrix = _unit_to_pixels(size) @ square.matrix() @ torch.linalg.inv(to_small)
    patch = _warp(small, matrix, (size, size), "reflection")
    outside = _outside(square, image.shape[-2:], size)
    if float(outside.max()) <= 0.0:
        return patch
    face = face_side or square.side
    return _fill(patch, image, (outside / (FADE * face)).to(patch), BLUR * face * size / square.side)


def _fill(patch: Tensor, image: Tensor, depth: Tensor, sigma: float) -> Tensor:
    """Blur and fade `patch`; `depth [S, S]` is 0 on the border of the picture and 1 where the fade ends."""
    from kornia.filters import gaussian_blur2d

    size = patch.shape[-1]
    kernel = min(2 * int(3.0 * sigma) + 1, 2 * ((size - 1) // 2) - 1)
    if kernel >= 3:
        blurred = gaussian_blur2d(patch, (kernel, kernel), (sigma, sigma), border_type="reflect")
        patch = patch + (blurred - patch) * (3.0 * depth + 1.0).clamp(0.0, 1.0)
    median = image.flatten(2).median(dim=2).values[:, :, None, None]
    return patch + (median - patch) * depth.clamp(0.0, 1.0)


def _outside(square: Square, shape: torch.Size, size: int) -> Tensor:
    """How far, in picture pixels, the crop lies outside the picture, `[size, size]`; negative inside."""
    height, width = shape
    x, y = _grid(torch.linalg.inv(_unit_to_pixels(size) @ square.matrix()), size, size).unbind(-1)
    return torch.stack((-x, x - (width - 1), -y, y - (height - 1))).amax(0) - 0.5


def _shrink(image: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """The picture, made smaller if `ratio` > 1, and the matrix from its pixels to the new ones."""
    height, width = image.shape[-2:]
    if ratio <= 1.0:
        return image, torch.eye(3, dtype=torch.float64)
    new = [max(2, round(n / ratio)) for n in (height, width)]
    small = torch.nn.functional.interpolate(image, size=new, mode="bicubic", antialias=True)
    sx, sy = new[1] / width, new[0] / height
    matrix = [[sx, 0.0, 0.5 * sx - 0.5], [0.0, sy, 0.5 * sy - 0.5], [0.0, 0.0, 1.0]]
    return small.clamp(float(image.min()), float(image.max())), torch.tensor(matrix, dtype=torch.float64)


def _warp(image: Tensor, matrix: Tensor, shape: tuple[int, int], border: str) -> Tensor:
    from kornia.geometry.transform import warp_perspective

    matrix = matrix[None].to(image)
    return warp_perspective(image, matrix, shape, mode="bilinear", padding_mode=border, align_corners=True)


def _unit_to_pixels(size: int) -> Tensor:
    matrix = [[size, 0.0, -0.5], [0.0, size, -0.5], [0.0, 0.0, 1.0]]
    return torch.tensor(matrix, dtype=torch.float64)


def _grid(matrix: Tensor, height: int, width: int) -> Tensor:
    """Every pixel centre through `matrix`, `[height, width, 2]` float64."""
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return torch.stack((x, y), -1) @ matrix[:2, :2].T + matrix[:2, 2]


def _check(image: Tensor, size: int) -> None:
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise ITPortraitError(
            f"One RGB picture [1, 3, H, W] is needed, got {tuple(image.shape)}; use to_rgb."
        )
    if not 1 <= size <= MAX_SIZE:
        raise ITPortraitError(f"The crop size must be 1 to {MAX_SIZE} pixels, got {size}.")
