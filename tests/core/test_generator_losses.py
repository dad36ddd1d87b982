"""Where the generator's training compares enlarged cut-outs with the truth."""

from __future__ import annotations

import torch

from itportrait_core.pocket.training.generator_losses import BORDER, knowable


def test_edges_of_a_cut_out_count_only_where_the_picture_ends() -> None:
    side = 28
    inside, corner = knowable(torch.tensor([[10, 20], [0, 64 - side]]), side)[:, 0]
    assert not inside[:BORDER].any() and not inside[-BORDER:].any()
    assert not inside[:, :BORDER].any() and not inside[:, -BORDER:].any()
    assert inside[BORDER:-BORDER, BORDER:-BORDER].all()
    assert corner[:-BORDER, BORDER:].all()
    assert not corner[-BORDER:].any() and not corner[:, :BORDER].any()
