"""First lesson of the photo generator's mapping network: what a latent says, before any picture is drawn.

Attributes are thresholds and ramps of single latent dimensions, which a deep network finds slowly through
pictures. So the mapping network first learns, in a minute, to state them in a way that a linear layer - the
affine of every modulated convolution - can read.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from torch import Tensor, nn

from ...networks.stylegan2_layers import MappingNetwork
from ..attributes import BEARDS, GLASSES, HAIR_COLORS, HAIR_STYLES, HATS, Z_DIM, attributes
from ..latents import normalise
from ..styles import resolve
from . import photo_truth

CATEGORIES = {
    "hair_style": len(HAIR_STYLES),
    "beard": len(BEARDS),
    "glasses": len(GLASSES),
    "hat": len(HATS),
    "hair_color": len(HAIR_COLORS),
}
STEPS, BATCH, POOL = 3000, 128, 30000
RATE = 1.5
"""Step size of the mapping network, whose stored weights are about 100 (learning-rate multiplier 0.01)."""


def facts(n: Tensor) -> Tensor:
    """Numbers, categories, colours and pose of latents `[B, PHOTO_Z_DIM]`: [B, F] in about -1..1."""
    people = attributes(n[:, :Z_DIM])
    columns = []
    for field in fields(people):
        values = getattr(people, field.name)
        if field.name in CATEGORIES:
            columns.append(2 * np.eye(CATEGORIES[field.name])[values] - 1)
        else:
            columns.append(values.astype(np.float64)[:, None])
    palette = resolve(people, "photo")[2]
    columns.append(3 * palette.reshape(len(people), -1) - 1.5)
    yaw, pitch = photo_truth.angles_of(n)
    columns += [yaw[:, None].numpy() / photo_truth.YAW_LIMIT]
    columns += [pitch[:, None].numpy() / photo_truth.PITCH_LIMIT]
    return torch.from_numpy(np.concatenate(columns, 1)).float()


def teach_mapping(mapping: MappingNetwork, seed: int, steps: int = STEPS) -> float:
    """Train `mapping` so that its codes state the facts; returns the mean squared error at the end."""
    g = torch.Generator().manual_seed(seed)
    n = normalise(torch.randn(POOL, photo_truth.PHOTO_Z_DIM, generator=g))
    truth = facts(n)
    reader = nn.Linear(mapping.w_dim, truth.shape[1])
    with torch.no_grad():
        reader.weight.copy_(0.05 * torch.randn(reader.weight.shape, generator=g))
        reader.bias.zero_()
    groups = [
        {"params": list(mapping.parameters()), "lr": RATE},
        {"params": list(reader.parameters()), "lr": 3e-3},
    ]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [RATE, 3e-3], total_steps=steps, pct_start=0.1)
    late = 0.0
    for _ in range(steps):
        index = torch.randint(POOL, (BATCH,), generator=g)
        w = mapping(n[index])[:, 0]
        error = (reader(w) - truth[index]).square().mean()
        loss = error + 1e-3 * (w.square().mean() - 1).square()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        late = 0.98 * late + 0.02 * float(error.detach())
    return late
