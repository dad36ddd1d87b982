"""Identity loss: does the picture still show the same face (docs/checkpoints.md#arcface)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..networks.arcface import IdentityNet, crop_face


class IdentityLoss(nn.Module):
    """1 - cosine of face embeddings to one fixed picture, whose embedding is taken once."""

    def __init__(self, network: IdentityNet, target: Tensor, frame: str = "eg3d") -> None:
        """`target`: [B, 3, H, W] in [-1, 1], aligned in `frame`."""
        super().__init__()
        self.network, self.frame = network, frame
        with torch.no_grad():
            self.register_buffer("wanted", self.embed(target), persistent=False)

    def embed(self, images: Tensor) -> Tensor:
        """Unit embeddings [B, D] of aligned pictures [B, 3, H, W]."""
        return self.network(crop_face(images, self.frame, self.network.config.input_size))

    def forward(self, images: Tensor) -> Tensor:
        """[B]: 0 for the same face, 1 for an unrelated one."""
        return 1 - (self.embed(images) * self.wanted).sum(dim=1)
