"""Start from weights that were trained with another mapping network.

A synthesis network knows its style vectors only through the affine layers. So these are solved anew, by least
squares, for the style vectors of the new mapping network; everything else is taken over as it is.
"""

from __future__ import annotations

import torch

from ...networks.eg3d import EG3DGenerator
from ..latents import normalise
from .mapping_start import store

POOL = 6000
"""Latents of the fit."""
RIDGE = 1e-4
"""Keeps directions in which style vectors hardly vary from growing."""


@torch.no_grad()
def adopt(generator: EG3DGenerator, trained: EG3DGenerator, seed: int = 0) -> None:
    """Give `generator` what `trained` draws, read through `generator`'s own mapping network.

    Args:
        generator: changed in place, all but its mapping network.
        trained: of the same sizes.
        seed: of the latents of the fit.
    """
    latents = torch.randn(POOL, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    theirs, ours = (g.mapping(normalise(latents))[:, 0].double() for g in (trained, generator))
    ours = torch.cat([ours, torch.ones(POOL, 1, dtype=torch.float64)], dim=1)
    normal = ours.T @ ours + RIDGE * POOL * torch.eye(ours.shape[1], dtype=torch.float64)
    state = trained.state_dict()
    state |= {k: v for k, v in generator.state_dict().items() if k.startswith("backbone.mapping.")}
    generator.load_state_dict(state)
    for name, layer in generator.named_modules():
        if name.endswith(".affine"):
            wanted = trained.get_submodule(name)(theirs.float()).double()
            fit = torch.linalg.solve(normal, ours.T @ wanted).float()
            store(layer, fit[:-1].T, fit[-1])
