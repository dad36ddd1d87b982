"""The exceptions that the core raises for anything a user can put right."""

from __future__ import annotations


class ITPortraitError(ValueError):
    """Bad input or bad settings. The message says what is wrong, the value, and what to do next.

    Example:
        >>> itp.APTConfig(steps=0)
        Traceback (most recent call last):
        itportrait_core.errors.ITPortraitError: APTConfig.steps is 0; it must lie in 1..5000.
    """


class DamagedFile(ITPortraitError):
    """A file that does not hold what its kind must hold: cut off, altered, or of another kind."""
