"""Face identity: ArcFace IR-SE50 and the crops that it expects (docs/checkpoints.md#arcface)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config
from ..errors import ITPortraitError
from .irse import IRSETrunk
from .start_weights import fill, unfilled

# Left, top, right, bottom of the face in pixels, and the side of the picture that they are counted in.
IDENTITY_CROPS = {"ffhq": ((32, 35, 220, 223), 256), "eg3d": ((48, 5, 455, 411), 512)}


@dataclass(frozen=True)
class IdentityConfig(Config):
    """Sizes of an identity network. The defaults are `model_ir_se50.pth`."""

    input_size: int = 112
    """Side of the face crop in pixels."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the trunk's groups; each group halves the side."""
    units: tuple[int, ...] = (3, 4, 14, 3)
    """Residual units in each group."""
    embedding_dim: int = 512
    """Length of the embedding."""


class IdentityNet(IRSETrunk):
    """A face crop to an embedding of length 1; the dot product of two says how alike the people are."""

    def __init__(self, config: IdentityConfig, seed: int | None = 0) -> None:
        """Build the network; `seed` draws the start weights, None leaves them to be loaded.

        Raises:
            ITPortraitError: for an input that the trunk cannot halve evenly.
        """
        side = config.input_size >> len(config.widths)
        if side < 1 or side << len(config.widths) != config.input_size:
            raise ITPortraitError(
                f"An identity network with {len(config.widths)} groups cannot take {config.input_size} px; "
                f"use a multiple of {1 << len(config.widths)}."
            )
        with unfilled():
            super().__init__(3, config.widths, config.units)
            top = config.widths[-1]
            self.output_layer = nn.Sequential(
                nn.BatchNorm2d(top),
                nn.Dropout(0.5),
                nn.Flatten(),
                nn.Linear(top * side * side, config.embedding_dim),
                nn.BatchNorm1d(config.embedding_dim),
            )
        self.config = config
        fill(self, seed)

    def embedding(self, x: Tensor) -> Tensor:
        """Face crops [B, 3, S, S] RGB in [-1, 1] -> embeddings [B, embedding_dim] before normalisation."""
        return self.output_layer(self.trunk(x)[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Face crops [B, 3, S, S] RGB in [-1, 1] -> embeddings [B, embedding_dim] of length 1."""
        return F.normalize(self.embedding(x), dim=1)


def crop_face(image: Tensor, frame: str, size: int = 112) -> Tensor:
    """Cut out what the identity network looks at.

    Args:
        image: [B, 3, H, H] of any size; rows and columns scale with it.
        frame: "ffhq" for FFHQ-aligned pictures, "eg3d" for EG3D crops.
        size: side of the result in pixels.

    Returns:
        [B, 3, size, size]: averaged where the crop is larger than `size`, bilinear where it is smaller.

    Raises:
        ITPortraitError: for an unknown frame.
    """
    if frame not in IDENTITY_CROPS:
        raise ITPortraitError(f"Unknown face frame {frame!r}; choose one of {', '.join(IDENTITY_CROPS)}.")
    box, side = IDENTITY_CROPS[frame]
    left, top, right, bottom = (round(edge * image.shape[-1] / side) for edge in box)
    face = image[:, :, top:bottom, left:right]
    if min(face.shape[-2:]) >= size:
        return F.adaptive_avg_pool2d(face, size)
    return F.interpolate(face, (size, size), mode="bilinear", align_corners=False)


def identity_similarity(network: IdentityNet, first: Tensor, second: Tensor, frame: str) -> Tensor:
    """Cosine [B] between the people on two batches of aligned pictures [B, 3, H, H]."""
    size = network.config.input_size
    one, two = (network(crop_face(image, frame, size)) for image in (first, second))
    return torch.sum(one * two, dim=1)
