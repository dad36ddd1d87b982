"""Where APT begins, and what of the style pictures it then compares with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...guidance.clip import ClipModel
from ...guidance.domain_gap import DomainGap
from ...networks.generator3d import G, Generator3D
from ..shared.passes import fit_picture, render_each
from ..shared.portrait import Portrait
from ..shared.trainable import frozen_twin
from ..style.blend import blend
from ..style.config import BlendConfig
from ..style.instant import instant_style, instant_style_of
from .config import APTConfig


def start_of(generator: G, portraits: Sequence[Portrait], config: APTConfig) -> G:
    """Where APT begins, frozen: the style that the inversions found, or the generator as it is.

    Raises:
        ITPortraitError: where the settings ask for a prior that this generator has not.
    """
    return _mean_style(generator, portraits, config, instant_style_of)


def others_of(generator: G, portraits: Sequence[Portrait], config: APTConfig) -> G:
    """What other people are compared with, frozen: the style that the prior reads in the pictures, or the
    generator as it is.

    An inversion's code meets its own picture better, and takes some of the person's colours for the style's.
    """
    return _mean_style(generator, portraits, config, lambda base, one: instant_style(base, one.image))


def _mean_style(
    generator: G, portraits: Sequence[Portrait], config: APTConfig, style_of: Callable[[G, Portrait], G]
) -> G:
    """The prior is linear in its code: the mean of styles is the style of the mean code."""
    if config.start == "original":
        return frozen_twin(generator)
    styles = [style_of(generator, one) for one in portraits]
    return styles[0] if len(styles) == 1 else blend(generator, styles, BlendConfig.uniform(1 / len(styles)))


def domain_gaps(
    clips: Sequence[ClipModel], g_o: Generator3D, portraits: Sequence[Portrait]
) -> list[DomainGap]:
    """The gap from G_o's people to the style pictures: that of all together, then each picture's own."""
    pairs = [
        (fit_picture(one.image, g_o.resolution), render_each(g_o, one.ws, one.camera)[0].image)
        for one in portraits
    ]
    chosen = [pairs, *([pair] for pair in pairs)]
    return [DomainGap(clips, *zip(*some, strict=True)) for some in chosen]
