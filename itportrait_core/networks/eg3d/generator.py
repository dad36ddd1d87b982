"""EG3D generator: tri-plane backbone, decoder, renderer, super-resolution (docs/eg3d.md#top-level).

Parameter names are the official ones: `backbone.*`, `superresolution.*`, `decoder.*`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ITPortraitError
from ..eg3d_config import EG3DConfig
from ..generator3d import RenderOutput, VolumeOutput
from ..ops import on_card
from ..stylegan2 import StyleGAN2Config, StyleGAN2Generator, draw_weights
from ..superresolution import SuperResolution
from ..triplane import Decoder, read_planes
from .tracing import per_view, trace_views


class EG3DGenerator(nn.Module):
    """Latents to pictures of a 3D scene from any camera."""

    family = "eg3d"

    def __init__(self, config: EG3DConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded."""
        super().__init__()
        self.config = config
        self.lineage: dict[str, Any] = {}
        self.history: Any = None
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.resolution = config.resolution
        self.neural_rendering_resolution = config.neural_rendering_resolution
        self.backbone = StyleGAN2Generator(
            StyleGAN2Config(
                z_dim=config.z_dim,
                c_dim=config.c_dim,
                w_dim=config.w_dim,
                resolution=config.backbone_resolution,
                img_channels=config.backbone_channels,
                channel_base=config.channel_base,
                channel_max=config.channel_max,
                mapping_layers=config.mapping_layers,
                embed_features=config.embed_features,
                layer_features=config.layer_features,
                conv_clamp=config.conv_clamp,
            ),
            seed=None,
        )
        self.num_ws = self.backbone.num_ws
        self.superresolution = SuperResolution(config.superresolution, config.plane_channels, config.w_dim)
        self.decoder = Decoder(config.plane_channels, config.decoder_hidden, config.rendering.decoder_lr_mul)
        if seed is not None:
            draw_weights(self, seed)

    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> Tensor:
        """Latents to style vectors.

        Args:
            z: [B, z_dim] standard normal.
            c: conditioning cameras [B, c_dim]; may be left out where the generator ignores them.
            truncation_psi: 1 keeps all variety, 0 gives the mean.
            truncation_cutoff: number of leading vectors to truncate; None for all.
            update_w_avg: move the running mean (training only).

        Returns:
            ws [B, num_ws, w_dim].

        Raises:
            ITPortraitError: for a latent of another length, or a missing camera.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ITPortraitError(
                f"Latents have shape {tuple(z.shape)}; this generator takes [B, {self.z_dim}]."
            )
        rendering = self.config.rendering
        if self.c_dim > 0 and rendering.c_gen_conditioning_zero:
            c = z.new_zeros(z.shape[0], self.c_dim)
        elif c is not None:
            c = c * rendering.c_scale
        return self.backbone.mapping(z, c, truncation_psi, truncation_cutoff, update_w_avg)

    def planes(self, ws: Tensor, noise_mode: str = "const", rng: torch.Generator | None = None) -> Tensor:
        """Style vectors [B, num_ws, w_dim] -> tri-planes [B, 3, C, H, W], good for any number of views.

        Args:
            noise_mode: noise of the backbone's layers: "none", "const" (as stored) or "random" (needs `rng`).
        """
        planes = self.backbone.synthesis(ws, noise_mode, rng)
        return planes.unflatten(1, (3, -1))

    def field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the scene at points.

        Args:
            planes: [B, 3, C, H, W].
            points: [B, N, 3], world units.

        Returns:
            Features [B, N, C] in about 0..1 (the first three are RGB) and raw density [B, N, 1].
        """
        return self.decoder(*self.read(planes, points))

    def colors(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """As `field`, of the features RGB alone: [B, N, 3] and raw density [B, N, 1]."""
        return self.decoder.rgb(*self.read(planes, points))

    def raw_field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """As `field`, features without the factor and the addend of `decoder.colors`, which the renderer
        applies once a ray, not at every sample."""
        return self.decoder.raw(*self.read(planes, points))

    def density(self, planes: Tensor, points: Tensor) -> Tensor:
        """The raw density [B, N, 1] at points [B, N, 3], without the cost of colours."""
        return self.decoder.density(*self.read(planes, points))

    def read(self, planes: Tensor, points: Tensor) -> tuple[Tensor, float]:
        """What the planes hold at points [B, N, 3]: [B, N, C], and a factor that makes their mean of it."""
        return read_planes(planes, points, self.config.rendering.box_warp, self.config.plane_axes)

    def render(
        self,
        planes: Tensor,
        ws: Tensor,
        c: Tensor,
        rng: torch.Generator | None = None,
        *,
        superresolution_noise_mode: str | None = None,
        jitter: tuple[Tensor, Tensor] | None = None,
        neural_rendering_resolution: int | None = None,
        ray_chunk: int | None = None,
        checkpoint: bool = False,
    ) -> RenderOutput:
        """Render tri-planes from cameras.

        Args:
            planes: [B, 3, C, H, W]; one set of planes serves any number of cameras.
            ws: [B, num_ws, w_dim], for the super-resolution.
            c: cameras [N, 25]; N is B, or V * B for V views of each, of which the first B are everybody's
                first views.
            rng: turns the random placement of samples on; without it the picture is deterministic.
            superresolution_noise_mode: noise of the super-resolution; None for the generator's own setting.
            jitter: the uniforms themselves: [N, M, D] (or [N, M, D, 1]) and [N, M, K] (or [N*M, K]).
            neural_rendering_resolution: side of the raw picture for this call; None for the generator's own.
            ray_chunk: rays evaluated at a time; bounds the memory and changes nothing else.
            checkpoint: trade time for memory when gradients are needed (with `ray_chunk`).
        """
        volume = self._trace(
            planes, c, rng, jitter=jitter, neural_rendering_resolution=neural_rendering_resolution,
            ray_chunk=ray_chunk, checkpoint=checkpoint,
        )  # fmt: skip
        mode = superresolution_noise_mode or self.config.rendering.superresolution_noise_mode
        return self._picture(volume, ws.to(planes.dtype), mode, rng)

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
        """What the rays of `render` see, before super-resolution.

        `colors` False leaves the features out (0 channels): depth and opacity need none. The rest as in
        `render`.
        """
        return self._trace(
            planes, c, rng, jitter=jitter, neural_rendering_resolution=neural_rendering_resolution,
            ray_chunk=ray_chunk, checkpoint=checkpoint, colors=colors,
        )  # fmt: skip

    def _trace(
        self,
        planes: Tensor,
        c: Tensor,
        rng: torch.Generator | None,
        *,
        jitter: tuple[Tensor, Tensor] | None,
        neural_rendering_resolution: int | None,
        ray_chunk: int | None,
        checkpoint: bool,
        colors: bool = True,
    ) -> VolumeOutput:
        """`render_volume`, whose features are all that `_noisy_field` reads."""
        return trace_views(
            partial(self._noisy_field, rng=rng, colors=colors),
            planes,
            c,
            neural_rendering_resolution or self.neural_rendering_resolution,
            self.config.rendering,
            self.decoder.colors if on_card(planes) else (1.0, 0.0),
            rng,
            jitter=jitter,
            ray_chunk=ray_chunk,
            checkpoint=checkpoint,
        )

    def _picture(
        self, volume: VolumeOutput, ws: Tensor, mode: str, rng: torch.Generator | None
    ) -> RenderOutput:
        """The finished picture of what `_trace` saw; `mode` is the noise mode of super-resolution."""
        each = per_view(ws, volume.image_depth.shape[0])
        rgb, features = self.shade(volume.features, volume.image_weights, each)
        image = self.superresolution(rgb, features, ws if on_card(ws) else each, mode, rng)
        return RenderOutput(image, rgb, volume.image_depth, volume.image_weights)

    def shade(self, features: Tensor, weight: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
        """What the rays saw, as raw picture [B, 3, R, R] and features [B, C, R, R] for super-resolution."""
        return features[:, :3], features

    def synthesis(
        self,
        ws: Tensor,
        c: Tensor,
        noise_mode: str = "const",
        rng: torch.Generator | None = None,
        **options: Any,
    ) -> RenderOutput:
        """`planes` and `render` in one; `options` are those of `render`."""
        return self.render(self.planes(ws, noise_mode, rng), ws, c, rng=rng, **options)

    def _noisy_field(
        self, planes: Tensor, points: Tensor, rng: torch.Generator | None, colors: bool = True
    ) -> tuple[Tensor, Tensor]:
        card = on_card(planes)
        if colors:
            features, sigma = (self.raw_field if card else self.field)(planes, points)
        else:
            sigma = self.decoder.density(*self.read(planes, points), exact=not card)
            features = sigma[..., :0]
        noise = self.config.rendering.density_noise
        if noise > 0 and rng is not None:
            draw = torch.randn(sigma.shape, generator=rng, device=rng.device)
            sigma = sigma + noise * draw.to(sigma)
        return features, sigma
