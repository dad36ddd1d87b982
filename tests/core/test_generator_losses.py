"""Where the generator's training compares pictures with the truth."""

from __future__ import annotations

import numpy as np
import torch

from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.render import render
from itportrait_core.pocket.training.detail import MOUTH_GAIN, mouth
from itportrait_core.pocket.training.generator_losses import BORDER, knowable
from itportrait_core.rendering import cameras


def test_edges_of_a_cut_out_count_only_where_the_picture_ends() -> None:
    side = 28
    inside, corner = knowable(torch.tensor([[10, 20], [0, 64 - side]]), side)[:, 0]
    assert not inside[:BORDER].any() and not inside[-BORDER:].any()
    assert not inside[:, :BORDER].any() and not inside[:, -BORDER:].any()
    assert inside[BORDER:-BORDER, BORDER:-BORDER].all()
    assert corner[:-BORDER, BORDER:].all()
    assert not corner[-BORDER:].any() and not corner[:, :BORDER].any()


def test_the_picture_losses_look_where_a_smile_is() -> None:
    latents = normalise(torch.randn(6, Z_DIM, generator=torch.Generator().manual_seed(4)))
    labels = cameras.sample_views(6, yaw=(-40.0, 40.0), rng=torch.Generator().manual_seed(5))
    people = attributes(latents).replace(beard=np.zeros(6, dtype=int))
    shown = [render(people.replace(smile=np.full(6, s)), labels, size=64).image for s in (0.0, 1.0)]
    changed = (shown[1] - shown[0]).abs().mean(1, keepdim=True)
    factor = mouth(labels, 64)
    share = (changed * (factor > 2)).sum((1, 2, 3)) / changed.sum((1, 2, 3))
    assert (share > 0.5).all()
    assert ((factor > 2).float().mean((1, 2, 3)) < 0.06).all()
    assert factor.min() >= 1 and factor.max() <= 1 + MOUTH_GAIN
