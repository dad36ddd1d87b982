"""Where APT begins, and what it then compares with."""

from __future__ import annotations

from collections.abc import Sequence

from ...guidance.clip import ClipModel
from ...guidance.domain_gap import DomainGap
from ...networks.generator3d import G, Generator3D
from ..shared.passes import fit_picture, render_each
from ..shared.portrait import Portrait
from ..shared.trainable import frozen_twin
from ..style.blend import blend
from ..style.config import BlendConfig
from ..style.instant import instant_style_beside
from .config import APTConfig


def start_of(generator: G, portraits: Sequence[Portrait], config: APTConfig) -> G:
    """Where APT begins and what it then compares other people with, frozen: the style that the prior reads in
    the pictures beyond their persons, or the generator as it is. Of several pictures it is the mean style.

    An inversion's code meets its own picture better, and takes some of the person's colours for the style's.

    Raises:
        ITPortraitError: where the settings ask for a prior that this generator has not.
    """
    if config.start == "original":
        return frozen_twin(generator)
    styles = [instant_style_beside(generator, one) for one in portraits]
    # the prior is linear in its code: the mean of styles is the style of the mean code
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
