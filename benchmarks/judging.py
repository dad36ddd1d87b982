"""What the benchmarks measure on pictures: seen labels, likeness to the truth, depth, variety."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from itportrait_core.guidance.clip import ClipModel
from itportrait_core.guidance.perceptual import Perceptual
from itportrait_core.networks.arcface import IdentityNet, identity_similarity
from itportrait_core.pocket.captions import PROMPTS
from itportrait_core.pocket.render import Truth
from itportrait_core.pocket.styles import STYLES
from itportrait_core.pocket.training.evaluate_clip import prompt_directions

SHARPNESS = 100.0
"""Factor on cosines before the softmax of `certainty`, CLIP's own after training."""


@dataclass(frozen=True)
class Scores:
    """One result, seen by networks that did not guide it. Means over pictures."""

    image_style: float
    """Share of pictures in which the judge CLIP sees the style."""
    text_style: float
    """Share in which it sees the edit."""
    image_certainty: float
    """Its probability of the style among all styles, 0..1."""
    text_certainty: float
    """Its probability of the edit, 0..1."""
    content: float
    """Cosine of face embeddings with the true target picture of the same person."""
    lpips: float
    """Distance to that true picture."""


class Judge:
    """The networks that judge."""

    def __init__(self, clip: ClipModel, metric: Perceptual, identity: IdentityNet) -> None:
        self.clip, self.metric, self.identity = clip, metric, identity

    @torch.no_grad()
    def scores(self, shown: Tensor, wanted: Tensor, style: str, edit: str) -> Scores:
        """Compare pictures [N, 3, H, W] with what they should show."""
        picture_style, edited = STYLES.index(style), list(PROMPTS[edit]).index("yes")
        return Scores(
            seen_share(self.clip, shown, "style", picture_style),
            seen_share(self.clip, shown, edit, edited),
            certainty(self.clip, shown, "style", picture_style),
            certainty(self.clip, shown, edit, edited),
            float(identity_similarity(self.identity, shown, wanted, "eg3d").mean()),
            self.distance(shown, wanted),
        )

    @torch.no_grad()
    def distance(self, first: Tensor, second: Tensor) -> float:
        """Mean LPIPS between pictures."""
        pairs = zip(first.split(8), second.split(8), strict=True)
        return float(torch.cat([self.metric(a, b) for a, b in pairs]).mean())

    @torch.no_grad()
    def likeness(self, first: Tensor, second: Tensor) -> float:
        """Mean cosine of face embeddings; `second` may be a single picture."""
        other = second.expand(len(first), -1, -1, -1)
        return float(identity_similarity(self.identity, first, other, "eg3d").mean())

    @torch.no_grad()
    def variety(self, shown: Tensor) -> float:
        """Mean LPIPS over all pairs of pictures [N, 3, H, W]."""
        features = [self.metric.features(picture) for picture in shown.split(1)]
        pairs = [self.metric.between(features[a], features[b]) for a, b in combinations(range(len(shown)), 2)]
        return float(torch.cat(pairs).mean())


def _cosines(clip: ClipModel, shown: Tensor, name: str) -> Tensor:
    return clip.encode_image(shown) @ prompt_directions(clip, name).t()


@torch.no_grad()
def seen_share(clip: ClipModel, shown: Tensor, name: str, wanted: int) -> float:
    """Share of pictures whose label `wanted` of attribute `name` wins zero-shot."""
    return float((_cosines(clip, shown, name).argmax(1) == wanted).float().mean())


@torch.no_grad()
def certainty(clip: ClipModel, shown: Tensor, name: str, wanted: int) -> float:
    """Mean zero-shot probability of the label `wanted`: moves before `seen_share` does."""
    return float((SHARPNESS * _cosines(clip, shown, name)).softmax(1)[:, wanted].mean())


def depth_error(depth: Tensor, truth: Truth) -> float:
    """Mean absolute error of depths [N, 1, R, R] where the truth is wholly covered, world units."""
    inside = truth.mask > 0.99
    return float((depth - truth.depth).abs()[inside].mean())
