"""Latents in units of M(z)'s own spread: what an optimiser moves so that its steps lead where people are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...networks.generator3d import Generator3D
from .latent_statistics import LatentStatistics, latent_statistics

SAMPLES = 4
"""Samples of M(z) per dimension, from which its spread is measured."""
FINE_LAYERS = 5
"""Last layers of any network, for colour and fine texture: "9-13 of 14" (docs/method.md#latent-layers)."""
WHITENING_FLOOR_FINE = 1.0
"""`floor` of the spread in whose units fine layers move: an art's colours lie where no person's do."""


@dataclass(frozen=True)
class Spread:
    """How M(z) varies about its mean: `to_unit` [w_dim, w_dim] turns offsets into units of that spread, along
    its own axes; `from_unit` turns them back."""

    to_unit: Tensor
    from_unit: Tensor


def spread_of(offsets: Tensor, floor: float = 0.01) -> tuple[Tensor, Tensor]:
    """Principal axes [w_dim, w_dim] (columns) of offsets [S, w_dim], and the root of each axis' variance plus
    `floor` times the mean variance."""
    variances, axes = torch.linalg.eigh(offsets.t() @ offsets / len(offsets))
    return axes, (variances.clamp_min(0) + floor * variances.mean()).sqrt()


@torch.no_grad()
def latent_spread(statistics: LatentStatistics, floor: float = 0.01) -> Spread:
    """That of samples of M(z). Their offsets have a mean square of at most 1 in these units.

    Where M(z) hardly varies an offset counts for more: a latent that is far out there shows nobody that the
    generator knows. `floor` limits that. It is added to every axis' variance, in units of the mean variance:
    at 0.01 such offsets count up to ten times as much as in plain units, at 1 never more.
    """
    offsets = (statistics.samples[:, 0] - statistics.mean[:, 0]).cpu().double()  # Metal has no float64
    axes, scale = spread_of(offsets, floor)
    return Spread((axes / scale).to(statistics.mean), (axes * scale).t().contiguous().to(statistics.mean))


class LatentWhitening:
    """Latents [N, L, w_dim] (L is 1 or num_ws) <-> offsets from the mean in units of the spread.

    Coarse layers, which hold the head's shape, and fine layers have units of their own.
    """

    def __init__(self, generator: Generator3D, mean: Tensor, all_layers: bool = False) -> None:
        """`mean`: [1, num_ws, w_dim] of M(z). `all_layers`: fine layers count as coarse ones do, for
        pictures whose colours something else explains.
        """
        coarse = generator.num_ws if all_layers else max(1, generator.num_ws - FINE_LAYERS)
        self.mean, self.coarse_layers = mean[:, :1], coarse
        statistics = latent_statistics(generator, SAMPLES * generator.w_dim)
        self.coarse = latent_spread(statistics)
        self.fine = latent_spread(statistics, floor=WHITENING_FLOOR_FINE)

    def to_units(self, ws: Tensor) -> Tensor:
        """The inverse of `from_units`."""
        offsets, k = ws - self.mean, self.coarse_layers
        return torch.cat([offsets[:, :k] @ self.coarse.to_unit, offsets[:, k:] @ self.fine.to_unit], dim=1)

    def from_units(self, units: Tensor) -> Tensor:
        """Latents."""
        return self.mean + self.offsets(units)

    def offsets(self, units: Tensor) -> Tensor:
        """Latents less their mean."""
        k = self.coarse_layers
        return torch.cat([units[:, :k] @ self.coarse.from_unit, units[:, k:] @ self.fine.from_unit], dim=1)

    def mahalanobis(self, ws: Tensor) -> Tensor:
        """[N]: how far the coarse layers are from anybody M(z) draws; about 1 for its own samples.

        The fine layers, which APT replaces anyway, stay free to meet the picture's colours, but for
        `all_layers`.
        """
        coarse = ws[:, : self.coarse_layers] - self.mean
        return (coarse @ self.coarse.to_unit).square().mean(dim=(1, 2))
