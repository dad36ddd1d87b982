"""CLIP-space directions and their losses (paper Eq. 8; docs/method.md#clip-directions)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def direction(embedding: Tensor, source_embedding: Tensor) -> Tensor:
    """Difference of unit embeddings, not normalised: [..., D]."""
    return F.normalize(embedding, dim=-1) - F.normalize(source_embedding, dim=-1)


def cosine(moved: Tensor, wanted: Tensor, floor: float) -> Tensor:
    """Cosine [...] between directions [..., D].

    `floor` is added to the length of `moved` in quadrature: with `matched` source views the trained and the
    source picture are equal at step 0, and a bare cosine has an endless gradient there.
    """
    length = (moved.square().sum(dim=-1) + floor * floor).sqrt()
    return (moved * F.normalize(wanted, dim=-1)).sum(dim=-1) / length


def directional_loss(moved: Tensor, wanted: Tensor, floor: float) -> Tensor:
    """1 - cosine, mean over samples: L_I and L_T of Eq. 8.

    Args:
        moved: Delta IT [N, D].
        wanted: Delta I [N, D] or Delta T [D].
    """
    return (1 - cosine(moved, wanted, floor)).mean()


def project_out(change: Tensor, text: Tensor, share: float = 1.0) -> Tensor:
    """A change [N, D] without `share` of its part along the text's direction [D]."""
    along = F.normalize(text, dim=-1)
    return change - share * (change * along).sum(dim=-1, keepdim=True) * along


def bisector(image: Tensor, text: Tensor) -> Tensor:
    """The one direction half-way between both, [N, D] (the authors' release, and the ablation of Fig. 8)."""
    return 0.5 * F.normalize(text, dim=-1) + 0.5 * F.normalize(image, dim=-1)
