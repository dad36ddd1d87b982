"""Pairs of pictures in one random look: two people, two cameras, with everything that is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...rendering import cameras
from ..attributes import Z_DIM
from ..latents import normalise
from ..looks import WideStyle
from ..styles import look_defaults
from .growing import Growing, Job
from .heads_seen import PITCH, YAW, Batch, Packed, see
from .pictures import unit

STYLE_YAW, STYLE_PITCH = (-35.0, 35.0), (-20.0, 20.0)
"""Camera angles in degrees of the picture that tells the style."""


@dataclass(frozen=True)
class Pair:
    """Two people in one look. The first is seen from near the front, as style pictures are."""

    look: WideStyle
    vector: Tensor
    """The look as numbers [L], see `WideStyle.vector`."""
    first: Batch
    second: Batch

    def turned(self) -> Pair:
        """The same with the people exchanged."""
        return Pair(self.look, self.vector, self.second, self.first)


Row = tuple[WideStyle, Tensor, Packed]
"""A look, its numbers, and two people in it."""


class SeenPairs(Growing[Row]):
    """A store of rendered pairs."""

    def __init__(self, seed: int, capacity: int = 4000, ahead: int = 24, threads: int = 1) -> None:
        """See `Growing`."""
        super().__init__(_draw_pairs, seed, capacity, ahead, threads)

    def batch(self, size: int, fresh: int) -> list[Pair]:
        """`fresh` new pairs, and `size - fresh` drawn from those seen before; people exchanged at random."""
        pairs = [_unpack(row) for row in self.rows(size, fresh)]
        turn = torch.rand(size, generator=self.rng) < 0.5
        return [pair.turned() if flip else pair for pair, flip in zip(pairs, turn.tolist(), strict=True)]

    def pictures(self, size: int) -> tuple[Tensor, Tensor]:
        """Pictures [B, 3, S, S] seen before, and the vectors [B, L] of their looks."""
        rows = self.old(size)
        which = torch.randint(2, (size,), generator=self.rng).tolist()
        images = [unit(people[2][k]) for (_, _, people), k in zip(rows, which, strict=True)]
        return torch.stack(images), torch.stack([vector for _, vector, _ in rows])


def _draw_pairs(rng: torch.Generator) -> Job[Row]:
    """Two random people in a random look."""
    look = WideStyle(int(torch.randint(2**31 - 1, (1,), generator=rng)))
    latents = normalise(torch.randn(2, Z_DIM, generator=rng))
    front = cameras.sample_views(1, yaw=STYLE_YAW, pitch=STYLE_PITCH, rng=rng)
    labels = torch.cat([front, cameras.sample_views(1, yaw=YAW, pitch=PITCH, rng=rng)])
    vector = torch.from_numpy(look.vector(look_defaults()))
    return lambda supersample: [(look, vector, see(latents, labels, supersample, look).pack())]


def _unpack(row: Row) -> Pair:
    look, vector, people = row
    both = Batch.unpack(*people)
    return Pair(look, vector, both[:1], both[1:])
