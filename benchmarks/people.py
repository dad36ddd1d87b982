"""Who the benchmarks of the methods look at, and what a perfect result would show of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.edits import EDITS
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.captions import label
from itportrait_core.pocket.held_out import HELD_OUT_PAIRS
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.render import Truth, render
from itportrait_core.rendering import cameras

TEXTS = {
    "glasses": "a person wearing glasses",
    "hat": "a person wearing a beanie",
    "beard": "a person with a beard",
    "smile": "a smiling person",
}
"""Held-out attribute -> the sentence that asks for it."""
SOURCE_TEXT = "a person"
"""What people are before; the other end of the texts' direction."""
FIRST_SEED = 70001
"""Latents from here on; trainings draw theirs elsewhere."""
SITTER_VIEW = (18.0, 4.0)
"""Yaw and pitch of the style pictures, degrees."""
Angles = tuple[tuple[float, float], ...]
VIEWS: Angles = ((-30.0, 0.0), (0.0, 0.0), (30.0, 0.0))
"""Yaw and pitch that results are judged from, degrees."""


@dataclass(frozen=True)
class Triple:
    """One style, one text, one unseen person who does not show what the text asks for."""

    style: str
    edit: str
    seed: int

    @property
    def name(self) -> str:
        """Unique and short enough for a file's name."""
        return f"{self.style}-{self.edit}-{self.seed}"

    @property
    def text(self) -> str:
        """The sentence that asks for the edit."""
        return TEXTS[self.edit]

    def picture(self) -> Tensor:
        """The style picture [1, 3, H, W]: the sitter, drawn in the style."""
        return self._drawn("")

    def edited_picture(self) -> Tensor:
        """The same, had the sitter shown what the text asks for."""
        return self._drawn(self.text)

    def _drawn(self, text: str) -> Tensor:
        return truth(people_without(self.edit, 1, self.seed), self.style, text, (SITTER_VIEW,)).image

    def people(self, count: int) -> Tensor:
        """Other people [count, Z_DIM] to judge a result on."""
        return people_without(self.edit, count, self.seed + 500)


def held_out(count: int) -> list[Triple]:
    """`count` triples: the pairs of style and edit that no training saw together, then again with others."""
    pairs = len(HELD_OUT_PAIRS)
    return [Triple(*HELD_OUT_PAIRS[n % pairs], FIRST_SEED + n) for n in range(count)]


def people_without(edit: str, count: int, seed: int) -> Tensor:
    """Normalised latents [count, Z_DIM] of people who do not show the attribute `edit` yet."""
    rng, found = torch.Generator().manual_seed(seed), []
    while len(found) < count:
        z = normalise(torch.randn(1, Z_DIM, generator=rng))
        if label(attributes(z), edit)[0] == 0:
            found.append(z)
    return torch.cat(found)


@torch.no_grad()
def pictures(generator: nn.Module, people: Tensor, views: Angles = VIEWS) -> Tensor:
    """[people x views, 3, H, W]: every person of `people [N, Z_DIM]` from every view."""
    return torch.cat([seen.image.clamp(-1, 1) for seen in renders(generator, people, views)])


@torch.no_grad()
def renders(generator: nn.Module, people: Tensor, views: Angles = VIEWS) -> list:
    """The generator's outputs, one per person and view, views running fastest."""
    labels = torch.cat([cameras.orbit(yaw, pitch) for yaw, pitch in views])
    rows = []
    for z in people.split(1):
        ws = generator.mapping(z)
        planes = generator.planes(ws)
        rows += [generator.render(planes, ws, c) for c in labels.split(1)]
    return rows


def truth(people: Tensor, style: str, text: str = "", views: Angles = VIEWS, size: int = 128) -> Truth:
    """What `renders` should show: the same people, edited where a text is given, in the style."""
    labels = torch.cat([cameras.orbit(yaw, pitch) for yaw, pitch in views])
    edit = EDITS[text] if text else (lambda a: a)
    parts = [render(edit(attributes(z)), labels, style, size) for z in people.split(1)]
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    return Truth(**joined)
