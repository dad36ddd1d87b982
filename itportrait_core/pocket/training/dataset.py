"""Pictures of all nine styles with everything that is true of them, for the two CLIPs and the LPIPS trunk.

The training set of what guides a run leaves out every picture that shows a pair of
`held_out.HELD_OUT_PAIRS`. The judge's has them, because a judge has to know what it is asked for, and so has
the test set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...rendering import cameras
from ..attributes import BEARDS, HAIR_COLORS, HAIR_STYLES, Z_DIM, Attributes, attributes
from ..captions import label
from ..held_out import HELD_OUT_PAIRS
from ..styles import STYLES, RandomStyle
from .pictures import Part, cache_folder, chosen, rendered, renderer_sources

SIZE = 64  # pixels
CHUNK = 50  # pictures of one style in a row, rendered at once
TRAINING, TRAINING_SEED = 16000, 11
TESTING, TESTING_SEED = 1800, 90011
RANDOM_IN_TRAINING, RANDOM_IN_TESTING = 4, 11
"""One chunk in so many has random looks; prime to the number of styles. Many of them in training teach that
a smile is a smile in every style, also in those where none is ever shown.
"""
RANDOM_LOOK = "random"
YAW, PITCH = 55.0, 16.0  # degrees: largest yaw (uniform), spread of pitch (normal, cut at twice that)
_CLEARED = {"glasses": ("glasses", 0), "hat": ("hat", 0), "beard": ("beard", 0), "smile": ("smile", -0.05)}


@dataclass(frozen=True)
class StyledSet:
    """Pictures with their attributes and styles."""

    people: Attributes
    styles: tuple[str, ...]  # per picture; `RANDOM_LOOK` for a random style
    pixels: np.ndarray  # [N, 3, SIZE, SIZE] uint8, memory-mapped
    hidden: tuple[tuple[str, str], ...] = ()  # pairs of style and attribute that are left out

    def __len__(self) -> int:
        return len(self.styles)

    def images(self, index: Tensor | Sequence[int] | slice) -> Tensor:
        """Pictures [B, 3, SIZE, SIZE] in [-1, 1]."""
        return chosen(self.pixels, index)

    def style_labels(self) -> np.ndarray:
        """Index into `STYLES` per picture, -1 for random looks."""
        return np.array([STYLES.index(s) if s in STYLES else -1 for s in self.styles])

    def labels(self, name: str) -> np.ndarray:
        """True labels of `captions.PROMPTS[name]`, -1 where the picture does not show it."""
        if name == "style":
            return self.style_labels()
        known = label(self.people, name)
        if name != "hair_color":
            return known
        gray = np.isin(self.styles, ("sketch", "marble", RANDOM_LOOK))
        return np.where(gray, -1, known)


def is_held_out(people: Attributes, styles: Sequence[str]) -> np.ndarray:
    """Whether each picture [N] shows a style and edit pair that training must not see together."""
    hidden = np.zeros(len(styles), dtype=bool)
    for style, name in HELD_OUT_PAIRS:
        absent = label(people, name) == 0
        if name == "beard":
            absent = people.beard == 0  # stubble too is a beard here
        hidden |= (np.asarray(styles) == style) & ~absent
    return hidden


def draw_people(count: int, styles: Sequence[str], seed: int, *, keep_pairs: bool) -> Attributes:
    """Random people; in half of them hair and beard are drawn evenly, whatever the gender.

    Args:
        keep_pairs: False clears the held-out attribute from pictures in its style.
    """
    rng = np.random.default_rng(seed)
    z = torch.randn(count, Z_DIM, generator=torch.Generator().manual_seed(seed))
    people = attributes(z)
    even = rng.random(count) < 0.5
    people = people.replace(
        hair_style=np.where(even, rng.integers(len(HAIR_STYLES), size=count), people.hair_style),
        hair_color=np.where(even, rng.integers(len(HAIR_COLORS), size=count), people.hair_color),
        beard=np.where(
            even, rng.choice([0, 0, BEARDS.index("stubble"), BEARDS.index("full")], count), people.beard
        ),
    )
    if keep_pairs:
        return people
    for style, name in HELD_OUT_PAIRS:
        field, value = _CLEARED[name]
        here = np.asarray(styles) == style
        people = people.replace(
            **{field: np.where(here & is_held_out(people, styles), value, getattr(people, field))}
        )
    return people


def draw_styles(count: int, random_every: int) -> tuple[str, ...]:
    """Styles of `count` pictures: chunks in turn, every so many with random looks."""
    names = []
    for chunk in range((count + CHUNK - 1) // CHUNK):
        random = chunk % random_every == random_every - 1
        names += [RANDOM_LOOK if random else STYLES[chunk % len(STYLES)]] * CHUNK
    return tuple(names[:count])


def styled_set(
    count: int,
    seed: int,
    *,
    keep_pairs: bool,
    random_every: int = RANDOM_IN_TRAINING,
    supersample: int = 1,
    folder: Path | None = None,
) -> StyledSet:
    """Pictures of random people in all styles, rendered once and then read from disk.

    Args:
        keep_pairs: whether held-out pairs of style and attribute are shown.
        random_every: one chunk in so many has random looks.
    """
    styles = draw_styles(count, random_every)
    people = draw_people(count, styles, seed, keep_pairs=keep_pairs)
    name = f"styled-{count}-{seed}-{int(keep_pairs)}-{_fingerprint(styles)}.npy"

    def parts() -> Iterator[Part]:
        from ..render import render  # compiles its kernels: only where pictures are made

        labels = draw_cameras(count, seed)

        def part(first: int) -> Tensor:
            here = slice(first, first + CHUNK)
            look = RandomStyle(seed + first) if styles[first] == RANDOM_LOOK else styles[first]
            return render(people[here], labels[here], look, SIZE, supersample=supersample).image

        return (partial(part, first) for first in range(0, count, CHUNK))

    pixels = rendered((folder or cache_folder()) / name, count, SIZE, parts)
    return StyledSet(people, styles, pixels, () if keep_pairs else HELD_OUT_PAIRS)


def training_set(*, keep_pairs: bool = False) -> StyledSet:
    """What the CLIPs and the LPIPS trunk learn from; `keep_pairs` for the judge alone."""
    return styled_set(TRAINING, TRAINING_SEED, keep_pairs=keep_pairs)


def test_set() -> StyledSet:
    """What they are measured on; held-out pairs included."""
    return styled_set(TESTING, TESTING_SEED, keep_pairs=True, random_every=RANDOM_IN_TESTING, supersample=2)


def draw_cameras(count: int, seed: int) -> Tensor:
    """Labels [N, 25] all around the front."""
    rng = torch.Generator().manual_seed(seed + 1)
    yaw = (2 * torch.rand(count, generator=rng) - 1) * YAW
    pitch = (torch.randn(count, generator=rng) * PITCH).clamp(-2 * PITCH, 2 * PITCH)
    return cameras.orbit(yaw.tolist(), pitch.tolist())


def _fingerprint(styles: Sequence[str]) -> str:
    """Changes with the renderer and with who is drawn in which style."""
    return hashlib.sha256(renderer_sources() + " ".join(styles).encode()).hexdigest()[:12]
