"""Several generators of one shape as one: each draws its own region of the box (docs/method.md#region)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ITPortraitError
from .. import families
from ..eg3d.generator import EG3DGenerator
from ..eg3d.tracing import per_view
from ..generator3d import RenderOutput, VolumeOutput
from ..ops import on_card
from ..superresolution import SuperResolution
from ..triplane import Decoder
from .compositing import SNAP, mix, mix_densities, read_grid, snapped, with_rest
from .config import RegionConfig

SOLID = 1e-3
"""Opacity below which a ray has met nothing whose region could be told."""


class RegionGenerator(EG3DGenerator):
    """Layers `[0..K-1]` of one family and shape, and the weights of all but the first on a grid of the box.

    Planes are those of the layers, `[B, K, ...]`. Outside every region a ray is the first layer's bit for
    bit; pictures are each layer's super-resolution of the same features, mixed by how much of a ray's light
    is the layer's.
    """

    family = "region"
    config: RegionConfig

    def __init__(self, config: RegionConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded."""
        nn.Module.__init__(self)
        kind, layer = families.family(config.kind), config.layer
        self._hold(config, [kind.generator(layer, seed=seed) for _ in range(config.layers)])
        self.register_buffer("weights", torch.zeros(config.layers - 1, *[config.grid] * 3))

    def _hold(self, config: RegionConfig, layers: Sequence[nn.Module]) -> None:
        self.config = config
        self.lineage, self.history = {}, None
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.resolution = config.resolution
        self.neural_rendering_resolution = config.neural_rendering_resolution
        self.layers = nn.ModuleList(layers)
        self.num_ws = self.layers[0].num_ws

    @classmethod
    def of(cls, layers: Sequence[nn.Module], weights: Tensor) -> RegionGenerator:
        """A composite of generators that stand at hand.

        Args:
            layers: K of one family and shape.
            weights: `[K - 1, n, n, n]` in 0..1 of all but the first, as `grid_sample` reads them (z, y, x).

        Raises:
            ITPortraitError: for too many layers, or one that is a composite itself.
        """
        first = layers[0]
        config = RegionConfig.of(first.family, first.config, len(layers), weights.shape[-1])
        if any(one.family != config.kind or isinstance(one, RegionGenerator) for one in layers):
            raise ITPortraitError("The generators of a composite are of different families; use one base.")
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._hold(config, layers)
        made.register_buffer("weights", weights.detach().clone())
        return made.eval().requires_grad_(False)

    @property
    def superresolution(self) -> SuperResolution:  # type: ignore[override]
        """The first layer's; every layer has its own."""
        return self.layers[0].superresolution

    @property
    def decoder(self) -> Decoder:  # type: ignore[override]
        """The first layer's; every layer has its own."""
        return self.layers[0].decoder

    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> Tensor:
        """The first layer's: people are the base's."""
        return self.layers[0].mapping(z, c, truncation_psi, truncation_cutoff, update_w_avg)

    def planes(self, ws: Tensor, noise_mode: str = "const", rng: torch.Generator | None = None) -> Tensor:
        """[B, K, ...]: the planes of every layer."""
        return torch.stack([layer.planes(ws, noise_mode, rng) for layer in self.layers], dim=1)

    def weights_at(self, points: Tensor) -> Tensor:
        """Weights [K, B, N, 1] of the layers at points [B, N, 3]; they sum to 1."""
        return with_rest(read_grid(self.weights, points, self.config.rendering.box_warp))

    def field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """As EG3D's."""
        return self._mixed([one.field(own, points) for one, own in self._with(planes)], points)

    def colors(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """As EG3D's."""
        return self._mixed([one.colors(own, points) for one, own in self._with(planes)], points)

    def density(self, planes: Tensor, points: Tensor) -> Tensor:
        """As EG3D's."""
        sigma = [one.density(own, points) for one, own in self._with(planes)]
        return mix_densities(self.weights_at(points), sigma)[0]

    def render_volume(
        self,
        planes: Tensor,
        c: Tensor,
        rng: torch.Generator | None = None,
        *,
        jitter: tuple[Tensor, Tensor] | None = None,
        neural_rendering_resolution: int | None = None,
        ray_chunk: int | None = None,
        checkpoint: bool = False,
        colors: bool = True,
    ) -> VolumeOutput:
        """As EG3D's."""
        volume = super().render_volume(
            planes, c, rng, jitter=jitter, neural_rendering_resolution=neural_rendering_resolution,
            ray_chunk=ray_chunk, checkpoint=checkpoint, colors=colors,
        )  # fmt: skip
        features = volume.features[:, : 1 - len(self.layers)] if colors else volume.features
        return VolumeOutput(features, volume.image_depth, volume.image_weights)

    def _picture(
        self, volume: VolumeOutput, ws: Tensor, mode: str, rng: torch.Generator | None
    ) -> RenderOutput:
        """Every layer's super-resolution of the same features, mixed by the layers' shares of the light."""
        features, shares = self._shares(volume)
        each = per_view(ws, features.shape[0])
        raw, images = [], []
        for layer in self.layers:
            rgb, shaded = layer.shade(features, volume.image_weights, each)
            raw.append(rgb)
            images.append(layer.superresolution(rgb, shaded, ws if on_card(ws) else each, mode, rng))
        size = images[0].shape[-2:]
        wide = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in shares]
        upper = snapped(torch.stack(wide[1:]))
        return RenderOutput(
            mix(with_rest(upper), images), mix(shares, raw), volume.image_depth, volume.image_weights
        )

    def _shares(self, volume: VolumeOutput) -> tuple[Tensor, Tensor]:
        """Features `[B, C, R, R]`, and the share `[K, B, 1, R, R]` of every layer in the light of each ray.

        Rays that meet nothing are the first layer's, or the one's that fills the whole box.
        """
        count, opacity = len(self.layers) - 1, volume.image_weights
        features, held = volume.features[:, :-count], volume.features[:, -count:]
        scale, shift = self.decoder.colors if on_card(opacity) else (1.0, 0.0)
        behind = 2.0 * shift * opacity - 1.0  # what the renderer adds to every channel
        if self.config.rendering.white_back:
            behind = behind + 2.0 - 2.0 * opacity
        inside = ((held - behind) / (2.0 * scale)).unflatten(1, (count, 1)).transpose(0, 1)
        everywhere = (self.weights.amin(dim=(1, 2, 3)) > 1 - SNAP).to(inside).reshape(-1, 1, 1, 1, 1)
        share = torch.where(opacity > SOLID, inside / opacity.clamp_min(SOLID), everywhere)
        return features, with_rest(snapped(share))

    def _with(self, planes: Tensor) -> list[tuple[EG3DGenerator, Tensor]]:
        """Every layer with its planes."""
        return list(zip(self.layers, planes.unbind(dim=1), strict=True))

    def _mixed(self, fields: Sequence[tuple[Tensor, Tensor]], points: Tensor) -> tuple[Tensor, Tensor]:
        features, sigma = zip(*fields, strict=True)
        density, shares = mix_densities(self.weights_at(points), sigma)
        return mix(shares, features), density

    def _noisy_field(
        self, planes: Tensor, points: Tensor, rng: torch.Generator | None, colors: bool = True
    ) -> tuple[Tensor, Tensor]:
        """What the rays read: with colours, the upper layers' weights ride behind the features."""
        fields = [one._noisy_field(own, points, rng, colors) for one, own in self._with(planes)]
        features, sigma = zip(*fields, strict=True)
        weights = self.weights_at(points)
        density, shares = mix_densities(weights, sigma)
        if not colors:
            return features[0], density
        return torch.cat([mix(shares, features), *shares[1:]], dim=-1), density
