"""The inversion that all methods of a picture begin with."""

from __future__ import annotations

from torch import Tensor

import itportrait_core as itp
from itportrait_core.methods.configs import suited
from itportrait_core.networks.generator3d import Generator3D


def inverted(generator: Generator3D, picture: Tensor, steps: int = 0, *, style: bool = True) -> itp.Portrait:
    """The portrait of a style picture, as the node finds it.

    Args:
        steps: 0 for what suits the generator.
        style: look through the style prior, where the generator has one.
    """
    config = suited(itp.InversionConfig, generator, prior=style)
    config = config.replace(steps=steps) if steps else config
    return itp.invert(generator, picture, itp.load_photo_prior("pocket"), config)
