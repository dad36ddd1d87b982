"""Our APT from one picture, as the node runs it.

`python -m benchmarks.bench --method benchmarks/methods/apt.py`
"""

from __future__ import annotations

from torch import Tensor

import itportrait_core as itp
from benchmarks.methods.inverted import inverted
from itportrait_core.methods.configs import suited
from itportrait_core.networks.generator3d import Generator3D

TASK = "picture"
STEPS = 0
"""Of the training and of the inversion; 0 for what suits the generator."""


def stylize(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
    """Inversion of the picture, then APT on it."""
    config = suited(itp.APTConfig, generator)
    config = config.replace(steps=STEPS) if STEPS else config
    return itp.stylize(generator, inverted(generator, picture, STEPS), config)
