"""Fig. 10: what comparing several 3D views brings against one view, and one view in false perspective."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import perspective

from benchmarks.ablation.part import Sizes, Unit
from benchmarks.judging import depth_error
from benchmarks.people import Triple, held_out, renders, truth
from benchmarks.setting import Setting
from benchmarks.table import Rows, lines, mean
from itportrait_core.guidance.clip import ClipModel

SIDES = ((-45.0, 0.0), (45.0, 0.0))
"""Yaw and pitch that are judged, degrees."""
TILT = 0.5
"""How far a corner may move inwards, in half picture widths: the usual random perspective."""
DEPTH_LIMIT = 1.2
"""Depth error of ours against the unedited generator's, at most."""


class TiltedClip(ClipModel):
    """A CLIP that sees every picture in a random perspective: the augmentation of 2D text-driven styles."""

    def __init__(self, clip: ClipModel, seed: int) -> None:
        super().__init__(
            clip.network, clip.tokenize, size=clip.size, mean=tuple(clip.mean.flatten().tolist()),
            std=tuple(clip.std.flatten().tolist()), name=f"{clip.name}-tilted", templates=clip.templates,
        )  # fmt: skip
        self.rng = torch.Generator().manual_seed(seed)

    def embed_image(self, images: Tensor, *, antialias: bool = True) -> Tensor:
        """As `ClipModel`, after a perspective that is drawn anew."""
        side = images.shape[-1]
        corners = [[0, 0], [side - 1, 0], [side - 1, side - 1], [0, side - 1]]
        moves = (torch.rand(4, 2, generator=self.rng) * TILT * side / 2).tolist()
        signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
        ends = [
            [int(x + sx * dx), int(y + sy * dy)]
            for (x, y), (sx, sy), (dx, dy) in zip(corners, signs, moves, strict=True)
        ]
        return super().embed_image(perspective(images, corners, ends, fill=[1.0]), antialias=antialias)


@dataclasses.dataclass(frozen=True)
class ViewRow:
    """One way of looking on one triple. G_o stands for itself twice: `untrained` against the truth that the
    others are held to, `unedited` against that of the plain people, whom it was trained to draw."""

    style: str
    edit: str
    method: str
    side_lpips: float
    side_depth: float


class ViewGuard:
    """Sheet: one person from both sides, then the truth."""

    name, triples = "views", 8
    rivals, untouched = ("single view", "perspective"), ("untrained", "unedited")
    methods = ("ours", *rivals, *untouched)

    def units(self, setting: Setting, sizes: Sizes) -> Iterator[Unit]:
        """One per triple and way of looking."""
        for triple in held_out(sizes.triples):
            for method in self.methods:
                yield Unit(f"{triple.name}-{method}", lambda t=triple, m=method: self._make(setting, t, m))

    def _generator(self, setting: Setting, triple: Triple, method: str) -> Any:
        if method in self.untouched:
            return setting.generator
        if method == "ours":
            return setting.coupled(triple)
        front = setting.ite.replace(view_yaws=((0.0,),), view_pitches=(0.0,))
        if method == "perspective":
            front = front.replace(view_yaws=((0.0,),) * setting.ite.views)
        clip = TiltedClip(setting.guide, triple.seed) if method == "perspective" else None
        portrait = setting.invert(triple.picture())
        return setting.couple(setting.generator, portrait, triple.text, front, clip)

    def _make(self, setting: Setting, triple: Triple, method: str) -> tuple[list[Any], Tensor]:
        people = triple.people(setting.amounts.people)
        seen = renders(self._generator(setting, triple, method), people, SIDES)
        plain = method == "unedited"
        style, text = ("photo", "") if plain else (triple.style, triple.text)
        wanted = truth(people, style, text, SIDES)
        small = truth(people, style, text, SIDES, size=seen[0].image_depth.shape[-1])
        shown = torch.cat([one.image.clamp(-1, 1) for one in seen])
        depth = torch.cat([one.image_depth for one in seen])
        row = ViewRow(
            triple.style, triple.edit, method,
            setting.judge.distance(shown, wanted.image), depth_error(depth, small),
        )  # fmt: skip
        return [row], torch.cat([shown[:2], wanted.image[:2]])

    def summary(self, rows: Rows) -> list[str]:
        """Means and ratios to ours' rivals and to the unedited generator."""
        out = lines(rows, "method", {"side_lpips": ".4f", "side_depth": ".5f"})
        for column in ("side_lpips", "side_depth"):
            best = min(mean(rows, column, method=name) for name in self.rivals)
            ratio = mean(rows, column, method="ours") / best
            out.append(f"  {column}: ours / best of the others = {ratio:.3f}")
        ours = mean(rows, "side_depth", method="ours")
        for name in self.untouched:
            ratio = ours / mean(rows, "side_depth", method=name)
            out.append(f"  side_depth: ours / {name} = {ratio:.3f} (at most {DEPTH_LIMIT})")
        return out

    def plot(self, rows: Rows) -> Tensor | None:
        """No curves."""
        return None
