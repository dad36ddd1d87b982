"""What is shipped are averaged weights with batch statistics of their own."""

from __future__ import annotations

import torch
from torch import nn

from itportrait_core.pocket.training.export import settle


def test_settled_statistics_are_those_of_the_inputs() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    rng = torch.Generator().manual_seed(0)
    batches = [3 + torch.randn(64, 4, generator=rng) for _ in range(8)]
    settle(net, batches)
    out = net(torch.cat(batches))
    assert not net.training and net[1].momentum == 0.1
    assert out.mean(0).abs().max() < 1e-4
    assert (out.var(0) - 1).abs().max() < 0.05
