"""Style and edit pairs that no training of the pocket family may see together.

The coupled method is judged on these (benchmarks/coupling.py): a picture in the style that also shows the
edit is left out of the training sets of whatever has a part in a result - the guiding CLIP, the perceptual
trunk, the generators -, so that success is composition, not memory. The CLIP that only judges knows them.
"""

from __future__ import annotations

HELD_OUT_PAIRS: tuple[tuple[str, str], ...] = (
    ("zombie", "glasses"),
    ("oil", "glasses"),
    ("cartoon", "hat"),
    ("caricature", "hat"),
    ("marble", "beard"),
    ("pixel", "beard"),
    ("sketch", "smile"),
    ("anime", "smile"),
)
"""(style of `styles.STYLES`, attribute that must be absent in training pictures of that style)."""
