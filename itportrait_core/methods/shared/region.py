"""A region of space, and a generator that draws an edit inside it alone (docs/method.md#region)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ITPortraitError
from ...networks.families import layers_of
from ...networks.generator3d import Generator3D
from ...networks.region import RegionGenerator
from ...networks.region.compositing import SNAP, read_grid, with_rest
from ...rendering.views import surface_points
from .lineage import tensor_hash
from .trainable import frozen_copy

Self = TypeVar("Self", bound="Region")


@dataclass(frozen=True)
class Region:
    """How much every point of the box belongs to a part of the head.

    Attributes:
        weights: `[n, n, n]` in 0..1, indexed z, y, x: cells of the box.
        box: side of the box, world units.

    Example:
        >>> whole = itp.Region(torch.ones(4, 4, 4), 1.0)
        >>> float(whole.without(whole).weights.max())
        0.0
    """

    weights: Tensor
    box: float

    def __post_init__(self) -> None:
        shape = tuple(self.weights.shape)
        if len(shape) != 3 or len(set(shape)) != 1 or shape[0] < 2:
            raise ITPortraitError(f"A region needs weights on a cube of points, not {shape}; lift a mask.")
        if not bool(((self.weights >= 0) & (self.weights <= 1)).all()):
            raise ITPortraitError("The weights of a region must be 0 to 1; clamp them.")

    def joined(self: Self, other: Region) -> Self:
        """All that is in either."""
        return self._with(torch.maximum(self.weights, self._fitted(other)))

    def without(self: Self, other: Region) -> Self:
        """What is in this one alone."""
        return self._with(torch.minimum(self.weights, 1 - self._fitted(other)))

    def common(self: Self, other: Region) -> Self:
        """What is in both."""
        return self._with(torch.minimum(self.weights, self._fitted(other)))

    def at(self, points: Tensor) -> Tensor:
        """Weights `[B, N, 1]` at points `[B, N, 3]`, world units."""
        return read_grid(self.weights[None], points, self.box)[0]

    @property
    def sha256(self) -> str:
        """Hash of the weights."""
        return tensor_hash(self.weights)

    def _with(self: Self, weights: Tensor) -> Self:
        return type(self)(weights, self.box)

    def _fitted(self, other: Region) -> Tensor:
        if other.box != self.box:
            raise ITPortraitError(
                f"The regions belong to boxes of {self.box} and {other.box}; lift both with one generator."
            )
        return resized(other.weights[None], self.weights.shape[-1])[0].to(self.weights)


def resized(weights: Tensor, count: int) -> Tensor:
    """Grids `[K, n, n, n]` at `count` points a side."""
    if weights.shape[-1] == count:
        return weights
    return F.interpolate(weights[None], (count,) * 3, mode="trilinear", align_corners=False)[0]


def region_masks(
    generator: Generator3D, ws: Tensor, region: Region, cameras: Tensor, side: int | None = None
) -> Tensor:
    """Where a head's surface lies in the region, `[V, 1, R, R]` in 0..1, from cameras `[V, 25]`.

    Args:
        side: R; the generator's neural rendering resolution where None.

    Example:
        >>> G = itp.load_generator("pocket")
        >>> ws = G.mapping(torch.zeros(1, G.z_dim), itp.cameras.front())
        >>> whole = itp.Region(torch.ones(4, 4, 4), 1.0)
        >>> itp.region_masks(G, ws, whole, itp.cameras.front(), side=16).shape
        torch.Size([1, 1, 16, 16])
    """
    masks = []
    with torch.no_grad():
        planes = generator.planes(ws)
        for camera in cameras.to(planes).split(1):
            volume = generator.render_volume(
                planes, camera, neural_rendering_resolution=side, ray_chunk=4096, colors=False
            )
            inside = region.at(surface_points(camera, volume.image_depth))
            masks.append(inside.reshape(volume.image_weights.shape) * volume.image_weights)
    return torch.cat(masks)


def restricted(base: Generator3D, edited: Generator3D, region: Region) -> Generator3D:
    """A generator that draws what `edited` does inside the region, and what `base` does outside.

    Both may be such composites already: edits of several regions stack, and generators that would be drawn
    nowhere are left out.

    Args:
        base: shown outside.
        edited: an edit of it: of the same family and shape, composed alike.
        region: of the box of both.

    Raises:
        ITPortraitError: for generators or a region that do not fit, or too many regions.

    Example:
        >>> G, style = itp.load_generator("pocket"), itp.load_generator("pocket")
        >>> made = itp.restricted(G, style, itp.Region(torch.ones(4, 4, 4), 1.0))
        >>> made.family, len(made.layers)
        ('region', 2)
    """
    under, over = layers_of(base), layers_of(edited)
    if region.box != base.config.rendering.box_warp:
        raise ITPortraitError(
            f"The region belongs to a box of {region.box}, the generator's is"
            f" {base.config.rendering.box_warp}; lift the mask with this generator."
        )
    if len(under) != len(over):
        raise ITPortraitError(
            f"The base is made of {len(under)} generators and its edit of {len(over)}; connect the base"
            " that the edit was made from."
        )
    count = max(region.weights.shape[-1], _points_of(base), _points_of(edited))
    inside = resized(region.weights[None], count)
    own = _layer_weights(base, count).to(inside)
    weights = torch.cat([own * (1 - inside), _layer_weights(edited, count).to(inside) * inside])
    drawn = [0, *(k for k in range(1, len(weights)) if float(weights[k].max()) > SNAP)]
    if len(drawn) == 1:  # an empty region is one of an edit that is nowhere
        drawn.append(len(under))
    layers = [frozen_copy([*under, *over][k]) for k in drawn]
    made = RegionGenerator.of(layers, weights[drawn[1:]].to(next(base.parameters()).device))
    made.lineage = edited.lineage | {"region": region.sha256}
    made.history = edited.history
    return made


def _points_of(generator: Generator3D) -> int:
    """Points along a side of a composite's grid."""
    return generator.config.grid if isinstance(generator, RegionGenerator) else 0


def _layer_weights(generator: Generator3D, count: int) -> Tensor:
    """Weights `[K, n, n, n]` of all layers of a composite; of another generator 1."""
    if isinstance(generator, RegionGenerator):
        return with_rest(resized(generator.weights, count))
    return torch.ones(1, count, count, count)
