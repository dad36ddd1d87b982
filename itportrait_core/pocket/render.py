"""True pictures and true fields of pocket portraits. Training and tests need numba for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from ..errors import ITPortraitError
from ..networks.camera import Camera
from .attributes import Attributes
from .heads import FORWARD, build_heads
from .looks import WideStyle
from .styles import STYLES, RandomStyle, resolve

__all__ = ["STYLES", "RandomStyle", "Truth", "WideStyle", "field", "render"]


@dataclass(frozen=True)
class Truth:
    """What a camera truly sees of N portraits."""

    image: torch.Tensor  # [N,3,H,W] in [-1,1], white background
    depth: torch.Tensor  # [N,1,H,W] distance along the unit ray; 0 on the background
    mask: torch.Tensor  # [N,1,H,W] coverage in [0,1]
    face_box: torch.Tensor  # [N,4] left, top, right, bottom of the face in pixels


@lru_cache(maxsize=1)
def _compiled() -> object:
    try:
        from . import tracing
    except ImportError as error:
        raise ITPortraitError(
            "Rendering pocket portraits needs numba, which only training and tests use; `pip install numba`."
        ) from error
    return tracing


def _measured(
    a: Attributes, style: str | RandomStyle | WideStyle
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _compiled()
    shape, looks, palettes = resolve(a, style)
    return build_heads(a, shape), looks, palettes


def render(
    attributes: Attributes,
    cameras: torch.Tensor | np.ndarray,
    style: str | RandomStyle | WideStyle = "photo",
    size: int = 128,
    *,
    supersample: int = 2,
    parallel: bool = False,
) -> Truth:
    """Render portraits by sphere tracing.

    Args:
        attributes: a batch of N, or of 1 seen by all cameras.
        cameras: [N, 25] EG3D labels.
        style: one of `STYLES`, or a `RandomStyle`.
        size: picture side in pixels.
        supersample: rays per pixel side; 1 is fastest, 2 is smooth.
        parallel: use all numba threads instead of the caller's.

    Raises:
        ITPortraitError: when the numbers of portraits and cameras do not fit, or the style is unknown.
    """
    cams = np.atleast_2d(np.asarray(cameras, dtype=np.float64))
    if cams.ndim != 2 or cams.shape[1] != 25 or len(attributes) not in (1, len(cams)):
        raise ITPortraitError(
            f"{len(attributes)} portraits and cameras of shape {cams.shape} do not fit; "
            "give [N,25] cameras for N portraits or for one."
        )
    heads, looks, palettes = _measured(attributes, style)
    if len(heads) != len(cams):
        every = np.zeros(len(cams), dtype=int)
        heads, looks, palettes = heads[every], looks[every], palettes[every]
    full = size * supersample
    image = np.ones((len(cams), full, full, 3))
    depth = np.zeros((len(cams), full, full))
    materials = np.full((len(cams), full, full), -1, dtype=np.int64)
    _compiled().renderer(parallel)(heads, palettes, looks, cams, full, image, depth, materials)
    _draw_ink(image, depth, materials, looks, supersample)
    image, depth, mask = _shrink(image, depth, materials >= 0, supersample)
    _square_cells(image, looks)
    pixels = torch.from_numpy(image.transpose(0, 3, 1, 2).astype(np.float32)) * 2 - 1
    return Truth(
        pixels,
        torch.from_numpy(depth.astype(np.float32))[:, None],
        torch.from_numpy(mask.astype(np.float32))[:, None],
        torch.from_numpy(_face_box(heads, cams, size)),
    )


def field(
    attributes: Attributes,
    points: torch.Tensor | np.ndarray,
    style: str | RandomStyle | WideStyle = "photo",
    *,
    within: float = float("inf"),
    parallel: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """True signed distance and colour at 3D points.

    Args:
        attributes: a batch of B.
        points: [B, N, 3] world coordinates.
        style: one of `STYLES`, or a `RandomStyle`; screen effects (ink, cells) are not part of a field.
        within: colours are computed where |distance| is at most this, and are 0 elsewhere.
        parallel: use all numba threads.

    Returns:
        (distance [B, N], colour [B, N, 3] in [0,1] of the nearest material there).
    """
    where = np.ascontiguousarray(np.asarray(points, dtype=np.float64))
    if where.ndim != 3 or where.shape[0] != len(attributes) or where.shape[2] != 3:
        raise ITPortraitError(
            f"Points of shape {where.shape} do not fit {len(attributes)} portraits; give [B,N,3]."
        )
    heads, looks, palettes = _measured(attributes, style)
    distances, colors = np.zeros(where.shape[:2]), np.zeros(where.shape)
    _compiled().sampler(parallel)(heads, palettes, looks, where, float(within), distances, colors)
    return torch.from_numpy(distances.astype(np.float32)), torch.from_numpy(colors.astype(np.float32))


def _shrink(
    image: np.ndarray, depth: np.ndarray, hit: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average k x k rays per pixel; depth over those that hit."""
    n, full = depth.shape[:2]
    cut = (n, full // k, k, full // k, k)
    mask = hit.reshape(cut).mean((2, 4))
    total = depth.reshape(cut).sum((2, 4)) / np.maximum(hit.reshape(cut).sum((2, 4)), 1)
    return image.reshape(*cut, 3).mean((2, 4)), total, mask


def _draw_ink(
    image: np.ndarray, depth: np.ndarray, materials: np.ndarray, looks: np.ndarray, width: int
) -> None:
    """Darken the picture where material or depth jumps, for styles that have outlines."""
    amount = looks["ink"]
    if not amount.any():
        return
    edge = np.zeros(depth.shape, dtype=bool)
    reach = np.where(materials >= 0, depth, depth.max() + 1)
    for axis in (1, 2):
        for step in range(1, width + 1):
            here, there = (
                tuple(cut if k == axis else slice(None) for k in range(3))
                for cut in (slice(step, None), slice(None, -step))
            )
            jump = np.abs(reach[here] - reach[there]) > 0.022 * step
            edge[here] |= jump | ((materials[here] != materials[there]) & (materials[here] != 1))
    image *= 1 - (0.86 * amount[:, None, None] * edge)[..., None]


def _square_cells(image: np.ndarray, looks: np.ndarray) -> None:
    """Pixel art: average square cells and round their colours."""
    size = image.shape[1]
    for i in np.flatnonzero(looks["cells"] > 0):
        index = np.arange(size) // max(round(size * looks["cells"][i]), 1)
        count = index[-1] + 1
        number = np.bincount(index, minlength=count)[:, None, None]
        rows = np.zeros((count, size, 3))
        np.add.at(rows, index, image[i])
        cells = np.zeros((count, count, 3))
        np.add.at(cells, index, (rows / number).transpose(1, 0, 2))
        image[i] = (cells / number).transpose(1, 0, 2)[index][:, index]
    for i in np.flatnonzero(looks["levels"] > 0):
        image[i] = np.round(image[i] * looks["levels"][i]) / looks["levels"][i]


def _face_box(heads: np.ndarray, cameras: np.ndarray, size: int) -> np.ndarray:
    """Box [N,4] in pixels around brows, cheeks and chin, as projected by each camera."""
    x, y, z = heads["jaw_x"] * 0.92, heads["brow_y"] + 0.03, heads["mouth_z"] + FORWARD
    low = heads["chin_y"] - 0.5 * heads["chin_r"]
    corners = [
        (s * x, v, z - d) for s in (-1, 0, 1) for v in (y, low) for d in (0.0 * x, 0.09 * (s != 0) + 0.0 * x)
    ]
    points = np.stack([np.stack(np.broadcast_arrays(*c), -1) for c in corners], 1)  # [N, 12, 3]
    camera = Camera(torch.from_numpy(cameras))
    pose, lens = camera.cam2world.numpy(), camera.intrinsics.numpy()[:, None]
    local = np.einsum("nji,nkj->nki", pose[:, :3, :3], points - pose[:, None, :3, 3])
    u = lens[..., 0, 0] * local[..., 0] / local[..., 2] + lens[..., 0, 2]
    v = lens[..., 1, 1] * local[..., 1] / local[..., 2] + lens[..., 1, 2]
    box = np.stack([u.min(1), v.min(1), u.max(1), v.max(1)], -1) * size
    return np.clip(box, 0, size).astype(np.float32)
