"""A store of rendered truth that grows while a network learns from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import torch

from .in_order import in_order

Row = TypeVar("Row")
Job = Callable[[int], Iterable[Row]]
"""Rays per pixel side -> the next rows; runs on any thread and draws no random numbers."""
Make = Callable[[torch.Generator], Job[Row]]
"""Source of random numbers -> the next job."""


class Growing(Generic[Row]):
    """Rows that are made ahead in a fixed order.

    Each batch takes a fixed number of new ones, so that a seed gives the same batches at any speed and with
    any number of threads. The rest of a batch are rows seen before, of which the newest `capacity` are kept.

    Attributes:
        supersample: rays per pixel side of new rows; may be raised at any time.
        rng: draws which old rows are taken.
    """

    def __init__(self, make: Make[Row], seed: int, capacity: int, ahead: int, threads: int = 1) -> None:
        """Nothing is rendered yet; from the first row on, `ahead` jobs or more wait or are being made."""
        self.supersample = 1
        self.rng = torch.Generator().manual_seed(seed + 1)
        self._made = in_order(self._jobs(make, seed), threads, max(ahead, 2 * threads))
        self._ready: deque[Row] = deque()
        self._rows: list[Row] = []
        self._capacity, self._next = capacity, 0

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, size: int, fresh: int) -> list[Row]:
        """`fresh` new rows, and `size - fresh` drawn from those seen before."""
        return [self._take() for _ in range(fresh)] + self.old(size - fresh)

    def old(self, size: int) -> list[Row]:
        """Rows seen before, drawn at random."""
        return [self._rows[i] for i in torch.randint(len(self._rows), (size,), generator=self.rng).tolist()]

    def close(self) -> None:
        """Begin no further job; a thread may hold the store otherwise."""
        self._made.close()

    def _take(self) -> Row:
        if not self._ready:
            self._ready.extend(next(self._made))
        row = self._ready.popleft()
        if len(self._rows) < self._capacity:
            self._rows.append(row)
        else:
            self._rows[self._next % self._capacity] = row
        self._next += 1
        return row

    def _jobs(self, make: Make[Row], seed: int) -> Iterator[Callable[[], Iterable[Row]]]:
        rng = torch.Generator().manual_seed(seed)
        while True:
            yield self._job(make(rng))

    def _job(self, job: Job[Row]) -> Callable[[], Iterable[Row]]:
        supersample = self.supersample
        return lambda: job(supersample)
