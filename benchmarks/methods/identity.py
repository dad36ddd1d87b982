"""The least that a method may be: everybody stays as they are. Copy this file to begin.

`python -m benchmarks.bench --method benchmarks/methods/identity.py`
"""

from __future__ import annotations

from torch import Tensor

from itportrait_core.networks.generator3d import Generator3D

TASK = "both"
"""What the method looks at: "both", "picture" or "text"."""


def stylize(generator: Generator3D, picture: Tensor, text: str) -> Generator3D:
    """A generator that draws everybody in the picture's style, changed as the text says.

    Args:
        generator: a copy of the untrained one, on the CPU; it may be changed in place.
        picture: the style picture [1, 3, 128, 128] in [-1, 1], of a sitter at a pose that nobody tells.
        text: the sentence, for instance "a person wearing glasses".
    """
    return generator
