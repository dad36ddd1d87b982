"""Where a style picture lies from the people whom a generator draws, in CLIP's space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.augment import augment, draw_augmentation
from ...guidance.clip import ClipModel
from ...guidance.directions import direction
from ...networks.generator3d import Generator3D
from ..shared.passes import draw_latents, render_each
from ..shared.portrait import Portrait

PEOPLE, SIDE = 64, 32
"""People who are asked what tells people apart, and the side of the neural rendering for them."""
SIGNAL_VARIANCE = 0.03
"""Variance of a style's way along one component, as a share of all the variance among people."""
GAIN = 1.8
"""What the way is lengthened by, for shrinking also takes away from the style."""


@torch.no_grad()
def style_direction(clip: ClipModel, g_o: Generator3D, portrait: Portrait, seed: int) -> Tensor:
    """The change of a unit embedding that turns somebody into somebody of the picture's style: [1, D].

    The picture differs from the mean person by its style, and by who sits there: hair, glasses, age. The
    generator's people show in which components of the embedding persons differ, and how much. Along each the
    difference is shrunk as a Wiener filter does, with the persons' variance as the noise. What is left is
    in the main what people do not differ in.

    Args:
        g_o: the untrained generator; its people are seen by the portrait's camera.
        seed: of their latents.
    """
    rng = torch.Generator().manual_seed(seed)
    people = draw_latents(g_o, PEOPLE, rng).split(1)
    images = (render_each(g_o, ws, portrait.camera, side=SIDE)[0].image for ws in people)
    embedded = torch.cat([clip.encode_image(image) for image in images])
    mean = embedded.mean(dim=0, keepdim=True)
    _, sizes, components = torch.linalg.svd(embedded - mean, full_matrices=False)
    variance = sizes.square() / PEOPLE
    noise = variance / (variance + SIGNAL_VARIANCE * variance.sum())
    offset = clip.encode_image(portrait.image) - mean
    return GAIN * (offset - (offset @ components.T * noise) @ components)


def direction_mse(moved: Tensor, wanted: Tensor) -> Tensor:
    """How far changes [N, D] of unit embeddings end from `wanted` [1, D], `[]`: 1 at the start, 0 there.

    Unlike a cosine it also wants the direction's length, and that nothing else of a person changes.
    """
    return F.mse_loss(moved, wanted.expand_as(moved)) / wanted.square().mean()


class StyleDirection:
    """The pictures' way in the space of every CLIP."""

    def __init__(
        self, clips: Sequence[ClipModel], g_o: Generator3D, portraits: Sequence[Portrait], seed: int
    ) -> None:
        """As `style_direction`; of several pictures the mean."""
        self.clips = list(clips)
        self.directions = [
            torch.stack([style_direction(clip, g_o, one, seed) for one in portraits]).mean(dim=0)
            for clip in self.clips
        ]

    def direction_mse(self, before: Tensor, after: Tensor, rng: torch.Generator) -> Tensor:
        """Sum over CLIPs for pictures [N, 3, H, W] of the same people, augmented alike, `[]`."""
        total, images = after.new_zeros(()), augment(torch.cat([before, after]), draw_augmentation(rng))
        for clip, wanted in zip(self.clips, self.directions, strict=True):
            start, end = clip.embed_image(images).chunk(2)
            total = total + direction_mse(direction(end, start), wanted)
        return total
