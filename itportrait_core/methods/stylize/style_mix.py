"""Style mixing as part of a generator: the picture's own latent in everybody's fine layers.

Mind the Gap mixes latents when it draws. A latent `w` reaches the network by the affine maps of the style
layers alone, `A w + b`, so `(1 - a) w + a w_ref` there is the same as `A' = (1 - a) A`, `b' = b + a A w_ref`:
exact for every person and view, and the generator keeps its form and its files.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...networks.families import family_of
from ...networks.generator3d import G


@torch.no_grad()
def mix_style(generator: G, ws: Tensor, layers: Sequence[int], share: float) -> G:
    """Mix `share` of the latent `ws` [1, num_ws, w_dim] into `layers` of `generator`, in place."""
    names = family_of(generator).names
    ending = names.style_bias.rpartition(".")[0]
    for name, layer in generator.named_modules():
        at = names.latent_of(f"{name}.bias", generator.num_ws) if name.endswith(ending) else None
        if at is None or at not in layers:
            continue
        layer.bias += share * (layer(ws[:, at]) - layer(torch.zeros_like(ws[:, at])))[0]
        layer.weight *= 1 - share
    return generator
