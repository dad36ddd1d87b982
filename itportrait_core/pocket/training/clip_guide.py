"""Training of `clip_guide`, the CLIP that guides text edits."""

from __future__ import annotations

import os

from torch import nn

from .clip import GUIDE, train_clip


def train(
    folder: str | os.PathLike[str], *, minutes: float = 20.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/clip_guide.safetensors`."""
    return train_clip("guide", GUIDE, folder, keep_pairs=False, minutes=minutes, seed=seed, device=device)
