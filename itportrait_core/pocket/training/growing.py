"""A store of rendered truth that grows while a network learns from it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import torch

Row = TypeVar("Row")
Make = Callable[[torch.Generator, int], Iterable[Row]]
"""Source of random numbers and rays per pixel side -> the next rows."""


class Growing(Generic[Row]):
    """Rows that one thread makes in a fixed order.

    Each batch takes a fixed number of new ones, so that a seed gives the same batches at any speed. The rest
    of a batch are rows seen before, of which the newest `capacity` are kept.

    Attributes:
        supersample: rays per pixel side of new rows; may be raised at any time.
        rng: draws which old rows are taken.
    """

    def __init__(self, make: Make[Row], seed: int, capacity: int, ahead: int) -> None:
        """Start making rows; `ahead` of them wait at most."""
        self.supersample = 1
        self.rng = torch.Generator().manual_seed(seed + 1)
        self._ready: queue.Queue[Row] = queue.Queue(maxsize=ahead)
        self._rows: list[Row] = []
        self._capacity, self._next = capacity, 0
        threading.Thread(target=self._produce, args=(make, seed), daemon=True).start()

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, size: int, fresh: int) -> list[Row]:
        """`fresh` new rows, and `size - fresh` drawn from those seen before."""
        return [self._take() for _ in range(fresh)] + self.old(size - fresh)

    def old(self, size: int) -> list[Row]:
        """Rows seen before, drawn at random."""
        return [self._rows[i] for i in torch.randint(len(self._rows), (size,), generator=self.rng).tolist()]

    def _take(self) -> Row:
        row = self._ready.get()
        if len(self._rows) < self._capacity:
            self._rows.append(row)
        else:
            self._rows[self._next % self._capacity] = row
        self._next += 1
        return row

    def _produce(self, make: Make[Row], seed: int) -> None:
        rng = torch.Generator().manual_seed(seed)
        while True:
            for row in make(rng, self.supersample):
                self._ready.put(row)
