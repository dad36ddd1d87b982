"""What may come of checking a file, and how far pictures may stray."""

from __future__ import annotations

from dataclasses import dataclass, field

IDENTICAL, CLOSE, DIFFERENT, UNKNOWN = "identical", "within tolerance", "different", "not checked"
MEAN_GREY, MOST_GREY = 0.5, 8
"""Tolerance of colours in grey levels of 255, mean and largest: other processors and versions of torch round
differently."""


@dataclass
class Verdict:
    """What came of it.

    Attributes:
        result: `IDENTICAL`, `CLOSE`, `DIFFERENT`, or `UNKNOWN` where nothing could be drawn.
        facts: what was found, a sentence each.
    """

    result: str = UNKNOWN
    facts: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the file is what its recipe makes."""
        return self.result in (IDENTICAL, CLOSE)

    def conclude(self, result: str, fact: str) -> Verdict:
        """The verdict with its last fact."""
        self.result = result
        self.facts.append(fact)
        return self
