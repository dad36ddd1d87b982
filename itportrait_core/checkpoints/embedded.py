"""Where the weights of the embedded pocket family lie."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ITPortraitError

NAMES = (
    "generator",  # EG3D, photo domain
    "photo",  # StyleGAN2 of aligned photo faces, pose in the latent
    "encoder",  # picture -> latent of `photo`
    "pose",  # photo -> head angles
    "identity",  # photo -> identity embedding
    "perceptual",  # LPIPS trunk
    "clip_guide",  # the CLIP that guides training
    "clip_judge",  # the CLIP that only judges
    "style_prior",  # style picture -> changes of `generator`'s weights
)
MEASURED = ("relevance",)  # what `clip_guide` sees of the people of `generator`, for edits by text
"""What was measured of the networks, not trained; may be missing, and is then measured anew."""

FOLDER = Path(__file__).parents[1] / "pocket" / "weights"


def exists(name: str) -> bool:
    """Whether one of the files is there: the style prior may be left out of a small install."""
    return os.path.isfile(FOLDER / f"{name}.safetensors")


def path(name: str) -> Path:
    """The safetensors file of one pocket network.

    Args:
        name: one of `NAMES` or `MEASURED`.

    Raises:
        ITPortraitError: for an unknown name, or when the file is not there.
    """
    if name not in (*NAMES, *MEASURED):
        raise ITPortraitError(f"Unknown pocket network {name!r}; choose one of {', '.join(NAMES)}.")
    file = FOLDER / f"{name}.safetensors"
    if not os.path.isfile(file):
        raise ITPortraitError(
            f"The embedded {name} weights are missing at {file}; reinstall the pack, or train them with "
            f"`python -m itportrait_core train {name}`."
        )
    return file
