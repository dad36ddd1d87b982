"""What a checkpoint may cost before it is refused, and the refusal."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ITPortraitError


class RefusedPickle(ITPortraitError):
    """The file is damaged, or asks for something that no checkpoint needs."""


@dataclass
class Budget:
    """Limits on what one file may cost."""

    steps: int
    text: int
    nested: bool = False
    """Whether a file inside the file is being read."""

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
