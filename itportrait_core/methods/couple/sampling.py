"""What one ITE step is made of: people, views, and how CLIP sees their pictures (paper Eq. 7 and 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...guidance.augment import draw_augmentation
from ...networks.camera import Camera
from ...networks.generator3d import Generator3D
from ...rendering import cameras
from ..shared.passes import draw_latents
from .config import ITEConfig


@dataclass(frozen=True)
class Draw:
    """One random draw.

    Attributes:
        ws: W_3d [batch, num_ws, w_dim].
        views: P_m [views, 25].
        augmentation: affine map [2, 3] of all pictures of the step, or None for none.
        side: side of the neural rendering, 0 = the generator's own.
        planes: of `ws`, where G_o, G_s and G_t share theirs.
    """

    ws: Tensor
    views: Tensor
    augmentation: Tensor | None = None
    side: int = 0
    planes: Tensor | None = None


class Sampler:
    """Draws people and views for ITE."""

    def __init__(self, config: ITEConfig, g_o: Generator3D, content: Tensor) -> None:
        """`content`: latent [1, num_ws, w_dim] of the content person."""
        self.config, self.g_o, self.content = config, g_o, content

    def draw(self, rng: torch.Generator, side: int = 0) -> Draw:
        """One step's people, views and augmentation, in this order."""
        ws, views = self.latents(rng), self.views(rng)
        return Draw(ws, views, draw_augmentation(rng) if self.config.augment else None, side)

    def latents(self, rng: torch.Generator) -> Tensor:
        """W_3d of Eq. 7: pivot layers of the content person, the others mixed with fresh ones."""
        config = self.config
        fresh = draw_latents(self.g_o, config.batch, rng)
        keep = config.keep_weight + (1 - config.keep_weight) * config.content_mix
        ws = keep * self.content + (1 - keep) * fresh
        held = [layer for layer in config.pivot_layers if layer < ws.shape[1]]
        ws[:, held] = self.content[:, held]
        return ws

    def views(self, rng: torch.Generator) -> Tensor:
        """P_m: [views, 25]."""
        config = self.config
        if config.view_yaws:
            labels = _chosen_views(config, rng)
        else:
            labels = cameras.sample_views(
                config.views, config.yaw, config.pitch, rng=rng,
                stratify_yaw=config.stratify_yaw, pitch_convention=config.pitch_convention,
            )  # fmt: skip
        return Camera(labels).with_focal(config.focal).label.to(self.content.device)


def _chosen_views(config: ITEConfig, rng: torch.Generator) -> Tensor:
    """Views from fixed lists of angles, as the authors' release draws them."""
    yaws = [row[int(torch.randint(len(row), (1,), generator=rng))] for row in config.view_yaws]
    pitches = config.view_pitches or config.pitch
    picks = [pitches[int(torch.randint(len(pitches), (1,), generator=rng))] for _ in yaws]
    pitch = torch.tensor(picks)
    if config.pitch_convention == "eg3d":
        pitch = cameras.eg3d_pitch(pitch)
    return cameras.orbit(torch.tensor(yaws), pitch).float()
