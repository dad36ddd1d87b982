"""Fig. 13 and 14: edits of one photo and of one drawing after pivotal tuning keep the person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.ablation.part import Sizes, Unit
from benchmarks.judging import seen_share
from benchmarks.people import TEXTS, Triple
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines
from itportrait_core.methods.shared.passes import render_each
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.pocket.captions import PROMPTS
from itportrait_core.rendering import cameras

DOMAINS = ("photo", "oil", "sketch", "anime")
"""What the edited picture is; the first is Fig. 13, the others Fig. 14."""
FIRST = 72001
DROP_LIMIT = 0.15
"""How much of the face cosine an edit may cost. Even the true edit costs some: a beanie hides the hair."""
YAWS = (-30.0, 0.0, 30.0)


@dataclasses.dataclass(frozen=True)
class EditRow:
    """One edit of one picture. Identity: cosine of face embeddings with the picture, at its own pose."""

    domain: str
    edit: str
    identity_before: float
    identity_after: float
    identity_drop: float
    true_drop: float
    """What the true picture of the edited person costs"""
    text_before: float
    text_after: float
    """Share of views in which the judge CLIP sees the edit"""


class TunedEdits:
    """Sheet: picture, tuned generator at its pose, edit at its pose, edit from three sides, the true edit."""

    name, triples = "edits", 8

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per picture and edit: every domain with every text in turn."""
        texts = list(TEXTS)
        for n in range(sizes.triples):
            domain, edit = DOMAINS[n % len(DOMAINS)], texts[(n + n // len(DOMAINS)) % len(texts)]
            triple = Triple(domain, edit, FIRST + n)
            yield Unit(triple.name, lambda t=triple: self._make(setting, t))

    def _make(self, setting: Setting, triple: Triple) -> tuple[list[Any], Tensor]:
        picture = triple.picture()
        portrait = setting.invert(picture)
        tuned = setting.tune(portrait)
        config = setting.edit.replace(warmup=0, content_mix=1.0)
        edited = setting.couple(tuned, portrait, triple.text, config)
        before, after = (_look(generator, portrait) for generator in (tuned, edited))
        true = triple.edited_picture()
        alike = [setting.judge.likeness(seen[:1], picture) for seen in (before, after)]
        true_drop = 1 - setting.judge.likeness(true, picture)
        yes = list(PROMPTS[triple.edit]).index("yes")
        text = [seen_share(setting.judge.clip, seen, triple.edit, yes) for seen in (before, after)]
        row = EditRow(triple.style, triple.edit, *alike, alike[0] - alike[1], true_drop, *text)
        return [row], torch.cat([picture, before[:1], after, true])

    def summary(self, rows: Rows) -> list[str]:
        """Means per domain; the drop, and how far it exceeds that of the true edit."""
        columns = {"identity_before": ".3f", "identity_after": ".3f", "identity_drop": ".3f",
                   "true_drop": ".3f", "text_before": ".1%", "text_after": ".1%"}  # fmt: skip
        drops = torch.tensor([float(row["identity_drop"]) for row in rows])
        true = torch.tensor([float(row["true_drop"]) for row in rows])
        out = lines(rows, "domain", columns)
        for name, cost in (("identity drop", drops), ("beyond the true edit's", drops - true)):
            out.append(f"  {name}: mean {cost.mean():.3f} = {cost.mean() / DROP_LIMIT:.2f} of the limit "
                       f"{DROP_LIMIT}, worst {cost.max():.3f}")  # fmt: skip
        return out

    def plot(self, rows: Rows) -> Tensor | None:
        """No curves."""
        return None


def _look(generator: Any, portrait: Portrait) -> Tensor:
    """The portrait's person at its own pose, then from three sides, [4, 3, H, W]."""
    views = torch.cat([portrait.camera, *(cameras.orbit(yaw) for yaw in YAWS)])
    return torch.cat([seen.image.clamp(-1, 1) for seen in render_each(generator, portrait.ws, views)])
