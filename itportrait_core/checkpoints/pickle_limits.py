"""What a checkpoint may cost before it is refused, and the refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import DamagedFile


class RefusedPickle(DamagedFile):
    """The file is damaged, or asks for something that no checkpoint needs."""


def refuse_nested(data: memoryview, budget: Budget) -> object:
    """Reader of a file inside a file, where none may be."""
    raise RefusedPickle("The checkpoint is damaged or hostile: it has nested data inside nested data.")


@dataclass
class Budget:
    """Limits on what one file may cost."""

    steps: int = 1_000_000
    """Operations, and items copied by them."""
    text: int = 64 << 20
    """Characters."""
    read_nested: Callable[[memoryview, Budget], Any] = refuse_nested
    """Reads a file inside the file, at this budget's cost."""

    def spend(self, steps: int) -> None:
        """Count operations, or items copied by one.

        Raises:
            RefusedPickle: when the file is too much work.
        """
        self.steps -= steps
        if self.steps < 0:
            raise RefusedPickle("The checkpoint is damaged or hostile: it needs more steps than any network.")

    def read_text(self, count: int) -> None:
        """Count characters.

        Raises:
            RefusedPickle: when the file holds more text than any checkpoint.
        """
        self.text -= count
        if self.text < 0:
            raise RefusedPickle("The checkpoint is damaged or hostile: it holds more text than any network.")
