"""What a latent of the pocket photo generator shows: the head's attributes and, as in FFHQ, its pose.

`z = [attributes (pocket.attributes.Z_DIM) | yaw, pitch]`; the truth is a function of `latents.normalise(z)`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...rendering import cameras
from ..attributes import APPEARANCE, Z_DIM
from . import mapping_start

POSE_DIMS = 2
PHOTO_Z_DIM = Z_DIM + POSE_DIMS
YAW_LIMIT = 50.0  # degrees
PITCH_LIMIT = 30.0  # degrees
YAW_BUMPS, PITCH_BUMPS = 9, 7
"""Places along an angle's range at which style vectors have a bump."""
SHAPE = [k for k in range(PHOTO_Z_DIM) if k not in set(APPEARANCE)]
"""Dimensions of geometry and pose: what stays when only appearance changes."""
MIXING_LAYER = 6
"""First layer of 12 that may take its code from another latent: Eq. 3's layers 12-17 of 18, counted from
the end. Training mixes there, so geometry and pose lie below, colour and light above."""


def angles_of(n: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw and pitch in degrees, each `[B]`, of the heads that normalised latents `n` show.

    A uniform variable `v` in (-1, 1) becomes `0.6 v + 0.4 v^3`: all angles occur, frontal ones more often.
    """
    v = torch.erf(n[:, Z_DIM:] / math.sqrt(2))
    shaped = 0.6 * v + 0.4 * v**3
    return YAW_LIMIT * shaped[:, 0], PITCH_LIMIT * shaped[:, 1]


def code_of_latents(n: Tensor) -> Tensor:
    """What a style vector shall state of normalised latents: `[B, K]`, attributes and then pose.

    Each angle as itself and as bumps along its range, so that layers can follow any curve of it.
    """
    columns = [mapping_start.code_of_latents(n[:, :Z_DIM])]
    yaw, pitch = angles_of(n)
    for share, bumps in ((yaw / YAW_LIMIT, YAW_BUMPS), (pitch / PITCH_LIMIT, PITCH_BUMPS)):
        places = torch.linspace(-1, 1, bumps)
        columns += [share[:, None], torch.exp(-0.5 * ((share[:, None] - places) * (bumps - 1) / 2) ** 2)]
    return torch.cat(columns, dim=1)


def camera_of(n: Tensor) -> Tensor:
    """Camera labels `[B, 25]` from which normalised latents show the head."""
    return cameras.orbit(*angles_of(n))
