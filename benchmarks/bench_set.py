"""The fixed set of the truth bench: what a method is given, and what its result is compared with."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import time
from pathlib import Path

import torch
from torch import Tensor

import itportrait_core as itp
from benchmarks.bench_methods import Method, Result, check_pictures, is_generator
from benchmarks.judging import Judge, Scores
from benchmarks.people import Angles, Triple, pictures, truth
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.inversion.photo_prior import load_photo_prior
from itportrait_core.methods.shared.lineage import weights_hash
from itportrait_core.networks.generator3d import Generator3D
from itportrait_core.pocket.render import Truth
from itportrait_core.rendering import cameras

FILE = Path(__file__).with_name("bench_set.json")
SET = json.loads(FILE.read_text(encoding="utf-8"))
SIZES: tuple[str, ...] = tuple(SET["sizes"])
NO_STYLE = "photo"
"""The style of the truth where a method is given no picture."""
SEED = 1
"""Of torch's own numbers before each run of a method."""


@dataclasses.dataclass(frozen=True)
class BenchRow(Scores):
    """One result of one method; means over people and views."""

    share: float
    """LPIPS to the truth, as a share of the untrained generator's."""
    seconds: float
    """Processor time of `stylize`"""
    method: str
    task: str
    style: str
    edit: str


class BenchSet:
    """Triples of a style, a sentence and people, with the networks that judge."""

    def __init__(self, size: str, triples: int = 0, people: int = 0) -> None:
        """`size`: of `SIZES`. `triples`, `people`: take fewer; 0 for all."""
        chosen = SET["sizes"][size]
        self.triples = [Triple(**one) for one in chosen["triples"]][: triples or None]
        self.people = min(people or chosen["people"], chosen["people"])
        self.views: Angles = tuple((yaw, pitch) for yaw, pitch in SET["views"])
        self.generator = itp.load_generator("pocket")
        prior = load_photo_prior("pocket")
        if prior.identity is None:
            raise ITPortraitError("The embedded networks have no identity network; install the pack again.")
        self.judge = Judge(load_clip("pocket-judge"), load_perceptual(), prior.identity)
        networks = (self.generator, self.judge.clip, self.judge.metric, prior.identity)
        facts = [
            SET["name"], SET["views"], [dataclasses.asdict(one) for one in self.triples], self.people,
            [weights_hash(network) for network in networks],
        ]  # fmt: skip
        self.version = f"{size}-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]}"

    def row(self, method: Method, triple: Triple) -> tuple[BenchRow, Tensor]:
        """The row of a method on one triple, and its first person from the front and the side."""
        torch.manual_seed(SEED)
        began = time.process_time()
        result = method.stylize(copy.deepcopy(self.generator), triple.picture(), triple.text)
        seconds, people = time.process_time() - began, triple.people(self.people)
        shown, wanted = self.drawn(result, people), self.truth(method.task, triple, people)
        scores = dataclasses.asdict(self.judge.scores(shown, wanted.image, triple.style, triple.edit))
        if method.task == "picture":
            scores |= {"text_style": float("nan"), "text_certainty": float("nan")}
        if method.task == "text":
            scores |= {"image_style": float("nan"), "image_certainty": float("nan")}
        before = self.judge.distance(pictures(self.generator, people, self.views), wanted.image)
        row = BenchRow(
            **scores, share=scores["lpips"] / before, seconds=seconds, method=method.name, task=method.task,
            style=triple.style, edit=triple.edit,
        )  # fmt: skip
        return row, shown[1:3]

    def truth(self, task: str, triple: Triple, people: Tensor) -> Truth:
        """What a perfect result shows: of the style and the text, what the method was asked for."""
        style = NO_STYLE if task == "text" else triple.style
        return truth(people, style, "" if task == "picture" else triple.text, self.views)

    @torch.no_grad()
    def drawn(self, result: Result, people: Tensor) -> Tensor:
        """[people x views, 3, H, W] of a result, views running fastest.

        Raises:
            ITPortraitError: for what is neither generator nor callable, or draws no pictures.
        """
        size = self.generator.resolution
        if is_generator(result):
            return check_pictures(pictures(result, people, self.views), size)
        labels = [cameras.orbit(yaw, pitch) for yaw, pitch in self.views]
        base: Generator3D = self.generator
        rows = [
            check_pictures(result(base.mapping(z), label), size) for z in people.split(1) for label in labels
        ]
        return torch.cat(rows)

    def reference(self, triple: Triple) -> Tensor:
        """For the sheet: the style picture, the first person before, and the truth from front and side."""
        people = triple.people(1)
        before = pictures(self.generator, people, self.views)[1:2]
        return torch.cat([triple.picture(), before, self.truth("both", triple, people).image[1:3]])
