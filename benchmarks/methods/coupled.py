"""Our image-text coupled fine-tune, as the node runs it.

`python -m benchmarks.bench --method benchmarks/methods/coupled.py`
"""

from __future__ import annotations

from torch import Tensor

import itportrait_core as itp
from benchmarks.methods.inverted import inverted
from benchmarks.people import SOURCE_TEXT
from itportrait_core.methods.configs import suited
from itportrait_core.networks.generator3d import Generator3D

TASK = "both"
STEPS = 0
"""Of the training and of the inversion; 0 for what suits the generator."""


def stylize(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
    """Inversion of the picture, then picture and text together."""
    config = suited(itp.ITEConfig, generator, "coupled").replace(source_text=SOURCE_TEXT)
    config = config.with_steps(STEPS) if STEPS else config
    portrait = inverted(generator, picture, STEPS)
    return itp.couple(generator, portrait, text, config=config).target
