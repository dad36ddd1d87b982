"""Instant style: G_s = G_o + D(s), the code s read from the picture in one pass (docs/style-prior.md)."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ITPortraitError
from ...networks.generator3d import G
from ...networks.style_prior import StylePrior
from ...networks.weights_in_place import copy_with_weights
from ..shared.history import History
from ..shared.lineage import finish, tensor_hash
from ..shared.passes import fit_picture
from ..shared.style_priors import require_style_prior
from .config import InstantConfig


def instant_style(
    generator: G, image: Tensor, config: InstantConfig | None = None, *, prior: StylePrior | None = None
) -> G:
    """A copy of `generator` that draws everybody in the picture's style; no training.

    Args:
        generator: G_o, the one that the prior belongs to; it is not changed.
        image: the aligned style picture [1, 3, H, W] in [-1, 1].
        prior: None for the embedded one.

    Returns:
        G_s, frozen, an ordinary generator; its lineage holds the code.

    Raises:
        ITPortraitError: for a batch, or a generator without a prior.

    Example:
        >>> G, picture = itp.load_generator("pocket"), torch.rand(1, 3, 64, 64) * 2 - 1
        >>> itp.instant_style(G, picture).lineage["method"]
        'instant'
    """
    config = config or InstantConfig()
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] != 3:
        raise ITPortraitError(
            f"One aligned picture [1, 3, H, W] is needed, not {tuple(image.shape)}; pick one."
        )
    prior = prior or require_style_prior(generator)
    with torch.inference_mode(False), torch.no_grad():
        device = next(generator.parameters()).device
        picture = fit_picture(image.detach().to(device).clone(), generator.resolution)
        code = config.strength * prior.code(picture)
        weights = prior.weights(dict(generator.named_parameters()), code)
        return finish(
            copy_with_weights(generator, weights), generator, "instant", config, History(),
            extra={
                "style_image_hash": tensor_hash(image),
                "code": [round(float(value), 5) for value in code],
            },
        )  # fmt: skip
