"""The table of loss terms, and the one place where they are weighted, summed and recorded.

A term is a named loss of one rendered view; the config field of the same name is its weight. A new term is
one entry of `TERMS` and one `weight` field of a config. Inversion, APT, ITE and tuning all sum with
`weighted_sum`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...guidance.background import background_difference, empty_space, opacity, stray_opacity
from ...guidance.colour import colour_excess, palette_difference
from ...guidance.depth import depth_difference, depth_smoothness, fit_depth, warp_loss
from ...guidance.domain_gap import DomainGap
from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual
from ...guidance.texture import texture, texture_change, texture_difference
from ...guidance.variety import lost_variety
from ...networks.generator3d import RenderOutput

WARP_LAYER = 2
"""Feature map of the LPIPS trunk that the warping loss compares; for VGG16 the third (relu3_3)."""
_LACKING: Any = None  # `weighted_sum` refuses terms whose needs are not met, so that no term meets it


Losses = dict[str, Tensor]
"""Means of losses by name, `[]` each."""


@dataclass(frozen=True)
class View:
    """A batch of people from one camera each: what terms may look at.

    Parts that no weighted term needs are left out.
    """

    render: RenderOutput
    """By the generator in training."""
    source: RenderOutput = _LACKING
    """The same people from the same cameras by the untrained generator G_o."""
    photo: RenderOutput = _LACKING
    """The same by the generator without any style, where `source` has one already."""
    before_text: RenderOutput = _LACKING
    """The same by G_s, or by G_o where there is no style."""
    ws: Tensor = _LACKING
    """[B, num_ws, w_dim]"""
    camera: Tensor = _LACKING
    """[B, 25]"""
    front: RenderOutput = _LACKING
    """The same people by the generator in training, from `front_camera` [B, 25]."""
    front_camera: Tensor = _LACKING
    side: RenderOutput = _LACKING
    """Opacity of the same people from beside."""


@dataclass(frozen=True)
class Target:
    """A picture to reproduce: [B, 3, S, S] at the render's size, in [-1, 1], and its LPIPS features."""

    image: Tensor
    features: list[Tensor]


@dataclass(frozen=True)
class Reference:
    """What the terms of a whole run compare with. Parts that no weighted term needs are left out."""

    perceptual: Perceptual = _LACKING
    target: Target = _LACKING
    raw_target: Target = _LACKING
    """The picture at the size before super-resolution."""
    identity: IdentityLoss = _LACKING
    """To the target's person."""
    max_chroma: float = 1.0
    """As `allowed_chroma` gives it."""
    mahalanobis: Callable[[Tensor], Tensor] = _LACKING
    """ws -> squared distance [B] from M(z), in units of its spread."""
    style_change: Callable[[Tensor, Tensor], Tensor] = _LACKING
    """Pictures of people before and after -> distance `[]` of their change in CLIP's space to the style's."""
    texture_change: Sequence[Tensor] = _LACKING
    """What the style does to its own person's texture, see `guidance/texture.py`."""
    domain_gap: DomainGap = _LACKING
    """From the style picture's twin to the style picture."""
    patch_direction: Callable[[Tensor, Tensor], Tensor] = _LACKING
    """Pictures before and after -> distance `[]` of the way of patches to the text's."""


@dataclass(frozen=True)
class Term:
    """One loss: per sample [B], or `[]`.

    Attributes:
        fn: the loss of a view.
        needs: parts of `View` and `Reference` that it reads beside the render.
        label: its name in histories, where that differs from its name in the table.
    """

    fn: Callable[[View, Reference], Tensor]
    needs: tuple[str, ...] = ()
    label: str = ""


def _l2(view: View, to: Reference) -> Tensor:
    """Mean squared difference of pixels."""
    return (view.render.image - to.target.image).square().mean(dim=(1, 2, 3))


def _lpips(view: View, to: Reference) -> Tensor:
    return to.perceptual.distance(to.target.features, view.render.image)


def _raw(view: View, to: Reference) -> Tensor:
    """L2 and LPIPS before super-resolution."""
    pixels = (view.render.image_raw - to.raw_target.image).square().mean(dim=(1, 2, 3))
    return pixels + to.perceptual.distance(to.raw_target.features, view.render.image_raw)


def _depth(view: View, to: Reference) -> Tensor:
    """Consistency with the untrained generator's depth."""
    depth = view.render.image_depth
    return depth_difference(depth, fit_depth(view.source.image_depth, depth.shape[-1]))


def _texture(view: View, to: Reference) -> Tensor:
    """Other people's texture changes as that of the picture's person does."""
    with torch.no_grad():
        before = texture(to.perceptual, view.photo.image, view.photo.image_weights)
    after = texture(to.perceptual, view.render.image, view.render.image_weights.detach())
    return texture_difference(texture_change(before, after), to.texture_change)


def _clouds(view: View, to: Reference) -> Tensor:
    """Mean over the sides, which stand one after another in `side`."""
    return stray_opacity(view.side).unflatten(0, (-1, len(view.render.image))).mean(dim=0)


def _warp(view: View, to: Reference) -> Tensor:
    def features(images: Tensor) -> Tensor:
        return to.perceptual.features(images)[WARP_LAYER]

    return warp_loss(features, view.front, to.target.image, view.camera, view.front_camera)


TERMS: dict[str, Term] = {
    "l2": Term(_l2, ("target",)),
    "lpips": Term(_lpips, ("perceptual", "target")),
    "identity": Term(lambda view, to: to.identity(view.render.image), ("identity",), label="id"),
    "raw": Term(_raw, ("perceptual", "raw_target")),
    "depth": Term(_depth, ("source",)),
    "w_reg": Term(lambda view, to: to.mahalanobis(view.ws), ("ws", "mahalanobis")),
    "empty": Term(lambda view, to: opacity(view.render, empty_space(view.source)), ("source",)),
    "clouds": Term(_clouds, ("side",)),
    "background": Term(lambda view, to: background_difference(view.render)),
    "shape": Term(_depth, ("source",)),
    "colour": Term(lambda view, to: colour_excess(view.render.image, to.max_chroma)),
    "clip": Term(
        lambda view, to: to.style_change(view.source.image, view.render.image), ("source", "style_change")
    ),
    "clip_across": Term(
        lambda view, to: to.domain_gap.across(view.source.image, view.render.image), ("source", "domain_gap")
    ),
    "clip_within": Term(
        lambda view, to: to.domain_gap.within(view.source.image, view.render.image), ("source", "domain_gap")
    ),
    "clip_reference": Term(lambda view, to: to.domain_gap.likeness(view.render.image), ("domain_gap",)),
    "patch": Term(
        lambda view, to: to.patch_direction(view.source.image, view.render.image),
        ("source", "patch_direction"),
    ),
    "variety": Term(
        lambda view, to: lost_variety(to.perceptual, view.source.image, view.render.image),
        ("perceptual", "source"),
    ),
    "prior": Term(lambda view, to: palette_difference(view.render.image, view.source.image), ("source",)),
    "texture": Term(_texture, ("perceptual", "photo", "texture_change")),
    "likeness": Term(
        lambda view, to: to.perceptual(view.render.image, view.before_text.image),
        ("perceptual", "before_text"),
    ),
}
"""Every loss by the name of its weight. Sums are taken in this order: equal settings give equal bits."""
DEPTH_TERMS: dict[str, Term] = {
    "tv": Term(lambda view, to: depth_smoothness(view.render.image_depth)),
    "consistency": TERMS["depth"],
    "warp": Term(_warp, ("perceptual", "target", "front", "camera", "front_camera")),
}
"""What inversion may mean by `depth` (`InversionConfig.depth_loss`)."""


def add_loss(losses: Losses, name: str, value: Tensor, share: float = 1.0) -> None:
    """Add `share * value`, detached, to `losses[name]`, or begin with it."""
    part = share * value.detach()
    losses[name] = losses[name] + part if name in losses else part


def read_losses(losses: Losses) -> dict[str, float]:
    """The same as plain numbers. All are read at once, because each reading waits for the device."""
    return dict(zip(losses, torch.stack(list(losses.values())).tolist(), strict=True)) if losses else {}


def needs_of(weights: Mapping[str, float], terms: Mapping[str, Term] = TERMS) -> set[str]:
    """Parts of `View` and `Reference` that these terms read."""
    return {need for name in weights for need in terms[name].needs}


def weighted_sum(
    weights: Mapping[str, float],
    view: View,
    reference: Reference,
    losses: Losses,
    *,
    terms: Mapping[str, Term] = TERMS,
    start: Tensor | None = None,
    share: float = 1.0,
    per_sample: bool = False,
) -> Tensor:
    """`start` + sum of weight * term over `weights`; adds `share` of every term's mean to `losses`.

    Args:
        weights: by name of the term. A term of weight 0 is recorded too, without a gradient.
        losses: means by name, left on the device; `read_losses` makes numbers of them.
        start: what the sum begins with; nothing where None.
        share: 1 / number of views, where a loss is a mean over views.
        per_sample: keep losses per sample [B]; otherwise their mean is taken, `[]`.

    Raises:
        ITPortraitError: for an unknown term, no term at all, or one that lacks what it needs.
    """
    unknown = sorted(set(weights) - set(terms))
    if unknown or (not weights and start is None):
        raise ITPortraitError(f"No loss term {unknown or 'is weighted'}; known are {', '.join(terms)}.")
    total, counts = start, start is not None or any(weights.values())
    for name, term in terms.items():
        if name not in weights:
            continue
        lacking = [need for need in term.needs if getattr(view, need, getattr(reference, need, None)) is None]
        if lacking:
            raise ITPortraitError(f"The loss {name!r} needs {lacking[0]}, which this run does not have.")
        with torch.set_grad_enabled(torch.is_grad_enabled() and (weights[name] != 0 or not counts)):
            value = term.fn(view, reference)
            value = value if per_sample else value.mean()
        add_loss(losses, term.label or name, value.detach().mean(), share)
        total = weights[name] * value if total is None else total + weights[name] * value
    return total
