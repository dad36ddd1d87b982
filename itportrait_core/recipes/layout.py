"""The layout that recipe cards and the lines of job sheets share. Imports no torch."""

from __future__ import annotations

FORMAT = 1
"""Version of the layout."""
LARGEST = 4 << 20
"""Characters of a card, and numbers of a tensor in it, beyond which it is refused."""
