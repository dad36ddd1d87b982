"""Pairs of pictures in one random look: two people, two cameras, with everything that is true of them."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

import torch
from torch import Tensor

from ...rendering import cameras
from ..attributes import Z_DIM, attributes
from ..latents import normalise
from ..looks import WideStyle
from ..render import render
from ..styles import look_defaults
from .heads_seen import DEPTH_RANGE, PITCH, SIZE, YAW, Batch

STYLE_YAW, STYLE_PITCH = (-35.0, 35.0), (-20.0, 20.0)
"""Camera angles in degrees of the picture that tells the style."""
CHUNK = 4
"""Pairs rendered between two looks at the queue."""


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


class SeenPairs:
    """A store of rendered pairs that grows while it is used: `SeenHeads` for looks.

    One thread renders pairs in a fixed order; each batch takes a fixed number of new ones, so that a seed
    gives the same batches at any speed.
    """

    def __init__(self, seed: int, capacity: int = 4000, ahead: int = 24) -> None:
        """Start rendering; `ahead` pairs wait in the queue at most."""
        self.supersample = 1  # rays per pixel side; may be raised at any time
        self._ready: queue.Queue[tuple[WideStyle, Tensor, list[Tensor]]] = queue.Queue(maxsize=ahead)
        self._rng = torch.Generator().manual_seed(seed + 1)
        self._rows: list[tuple[WideStyle, Tensor, list[Tensor]]] = []
        self._capacity, self._next = capacity, 0
        threading.Thread(target=self._produce, args=(seed,), daemon=True).start()

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, size: int, fresh: int) -> list[Pair]:
        """`fresh` new pairs, and `size - fresh` drawn from those seen before; people exchanged at random."""
        chosen = [self._take() for _ in range(fresh)]
        old = torch.randint(len(self._rows), (size - fresh,), generator=self._rng)
        pairs = [_unpack(row) for row in chosen + [self._rows[i] for i in old.tolist()]]
        turn = torch.rand(size, generator=self._rng) < 0.5
        return [pair.turned() if flip else pair for pair, flip in zip(pairs, turn.tolist(), strict=True)]

    def pictures(self, size: int) -> tuple[Tensor, Tensor]:
        """Pictures [B, 3, S, S] seen before, and the vectors [B, L] of their looks."""
        rows = torch.randint(len(self._rows), (size,), generator=self._rng).tolist()
        which = torch.randint(2, (size,), generator=self._rng).tolist()
        images = [self._rows[r][2][2][k].float() / 127.5 - 1 for r, k in zip(rows, which, strict=True)]
        return torch.stack(images), torch.stack([self._rows[r][1] for r in rows])

    def _take(self) -> tuple[WideStyle, Tensor, list[Tensor]]:
        row = self._ready.get()
        if len(self._rows) < self._capacity:
            self._rows.append(row)
        else:
            self._rows[self._next % self._capacity] = row
        self._next += 1
        return row

    def _produce(self, seed: int) -> None:
        rng = torch.Generator().manual_seed(seed)
        while True:
            look = WideStyle(int(torch.randint(2**31 - 1, (1,), generator=rng)))
            self._ready.put(draw_pair(look, rng, self.supersample))


def draw_pair(
    look: WideStyle, rng: torch.Generator, supersample: int
) -> tuple[WideStyle, Tensor, list[Tensor]]:
    """Two random people in a look, packed in few bytes."""
    latents = normalise(torch.randn(2, Z_DIM, generator=rng))
    front = cameras.sample_views(1, yaw=STYLE_YAW, pitch=STYLE_PITCH, rng=rng)
    labels = torch.cat([front, cameras.sample_views(1, yaw=YAW, pitch=PITCH, rng=rng)])
    truth = render(attributes(latents), labels, look, SIZE, supersample=supersample)
    near, far = DEPTH_RANGE
    depth = ((truth.depth - near) / (far - near) * 32767).clamp(0, 32767).round().short()
    image = ((truth.image + 1) * 127.5).clamp(0, 255).round().byte()
    mask = (truth.mask * 255).round().byte()
    vector = torch.from_numpy(look.vector(look_defaults()))
    return look, vector, [latents, labels, image, depth, mask, truth.face_box]


def _unpack(row: tuple[WideStyle, Tensor, list[Tensor]]) -> Pair:
    look, vector, (latents, labels, image, depth, mask, box) = row
    near, far = DEPTH_RANGE
    both = Batch(
        latents, labels, image.float() / 127.5 - 1, depth.float() / 32767 * (far - near) + near,
        mask.float() / 255, box,
    )  # fmt: skip
    return Pair(look, vector, both[:1], both[1:])
