"""Training of `clip_judge`, the CLIP that only judges results.

It alone sees the held-out pairs of style and edit. One that never did took every third true picture of such a
pair for another style, so that no result could have reached what is asked of it.
"""

from __future__ import annotations

import os

from torch import nn

from .clip import JUDGE, train_clip


def train(
    folder: str | os.PathLike[str], *, minutes: float = 20.0, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Train for so many minutes; writes `folder/clip_judge.safetensors`."""
    return train_clip(
        "judge", JUDGE, folder, keep_pairs=True, minutes=minutes, seed=seed + 1000, device=device
    )
