"""The networks, settings and stored runs that the benchmarks of the methods share.

Everything trained is kept in a cache folder under a hash of all it depends on, which the judge is no part of.
So methods share inversions, parts share runs, and a benchmark that was cut off goes on within the run it was
at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.judging import Judge
from benchmarks.people import SOURCE_TEXT, Triple
from itportrait_core.checkpoints.format import read_header
from itportrait_core.guidance.clip import ClipModel, load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.configs import APTConfig, InversionConfig, ITEConfig, TuningConfig, suited
from itportrait_core.methods.inversion.photo_prior import load_photo_prior
from itportrait_core.methods.shared.history import History
from itportrait_core.methods.shared.lineage import run_identity, weights_hash
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.methods.tuning.tune import pivotal_tune

CACHE = Path(__file__).parents[1] / ".cache" / "benchmarks"
RESUME_STEPS = 20


@dataclass(frozen=True)
class Amounts:
    """How much is done; 0 steps keep the settings' own number."""

    people: int = 8
    steps: int = 0
    inversion_steps: int = 0
    tuning_steps: int = 0


class Setting:
    """Networks, settings, judge and cache."""

    def __init__(self, amounts: Amounts, cache: Path = CACHE) -> None:
        self.amounts, self.cache = amounts, cache
        self.generator = itp.load_generator("pocket")
        self.prior, self.guide = load_photo_prior("pocket"), load_clip("pocket-guide")
        assert self.prior.identity is not None  # the embedded prior has one
        self.judge = Judge(load_clip("pocket-judge"), load_perceptual(), self.prior.identity)
        self.inversion = _with_steps(suited(InversionConfig, self.generator), amounts.inversion_steps)
        self.ite, self.edit = (_ite(mode, self.generator, amounts.steps) for mode in ("coupled", "text_only"))
        self.tuning = _with_steps(suited(TuningConfig, self.generator), amounts.tuning_steps)
        self.networks = {
            "base": weights_hash(self.generator), "guide": weights_hash(self.guide),
            "metric": weights_hash(self.judge.metric), "prior": run_identity(networks=self.prior.networks()),
        }  # fmt: skip
        self.judged_by = weights_hash(self.judge.clip)

    @property
    def version(self) -> str:
        """Ten hex digits that change with the networks and all settings: rows of one table share them."""
        configs = [c.to_dict() for c in (self.inversion, self.ite, self.edit, self.tuning)]
        facts = [self.networks, self.judged_by, configs, self.amounts.people]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]

    def invert(self, picture: Tensor) -> Portrait:
        """The portrait of a style picture."""
        file = self._file("portrait", picture=picture, config=self.inversion)
        if not file.is_file():
            point = file.with_suffix(".resume")
            made = itp.invert(
                self.generator, picture, prior=self.prior, config=self.inversion,
                resume=point, every_steps=RESUME_STEPS,
            )  # fmt: skip
            made.save(file)
        return Portrait.load(file)

    def stylize(self, base: nn.Module, portrait: Portrait, config: APTConfig) -> nn.Module:
        """G_s of APT alone."""
        return self._trained(
            lambda point: itp.stylize(base, portrait, config, resume=point, every_steps=RESUME_STEPS),
            "style", start=base, config=config, portrait=[portrait.ws, portrait.image],
        )  # fmt: skip

    def couple(
        self, base: nn.Module, portrait: Portrait, text: str, config: ITEConfig, clip: ClipModel | None = None
    ) -> nn.Module:
        """G_t of a coupled or text-only run, with its `.history`.

        The warm-up of a coupled run is APT alone, so it is done once for all runs on the same picture.
        """
        guide, style = clip or self.guide, None
        if config.mode == "coupled" and config.warmup > 0:
            style = self.stylize(base, portrait, config.apt.replace(steps=config.warmup))
            config = config.after_warmup()

        def run(point: Path) -> nn.Module:
            return itp.couple(
                base, portrait, text, guide, config, style=style, resume=point, every_steps=RESUME_STEPS
            ).target

        facts = {"start": base, "style": style or "", "config": config, "text": text, "clip": guide.name}
        return self._trained(run, "coupled", portrait=[portrait.ws, portrait.image], **facts)

    def coupled(self, triple: Triple, **changes: Any) -> nn.Module:
        """G_t of a triple with some settings changed."""
        portrait = self.invert(triple.picture())
        return self.couple(self.generator, portrait, triple.text, self.ite.replace(**changes))

    def image_only(self, triple: Triple) -> nn.Module:
        """G_s of a triple: as many APT steps as a coupled run warms up with."""
        config = self.ite.apt.replace(steps=self.image_steps)
        return self.stylize(self.generator, self.invert(triple.picture()), config)

    def text_only(self, triple: Triple, base: nn.Module | None = None) -> nn.Module:
        """The text's steps of a coupled run alone, on `base` (the untrained generator where None)."""
        config = self.ite.replace(mode="text_only", steps=self.text_steps, warmup=0)
        portrait = self.invert(triple.picture())
        return self.couple(base or self.generator, portrait, triple.text, config)

    @property
    def image_steps(self) -> int:
        """Steps that a coupled run spends on the picture before the text; half of them without a warm-up."""
        return self.ite.warmup or self.ite.steps // 2

    @property
    def text_steps(self) -> int:
        """The others."""
        return self.ite.steps - self.image_steps

    def tune(self, portrait: Portrait) -> nn.Module:
        """The generator after pivotal tuning to one picture."""
        return self._trained(
            lambda point: pivotal_tune(
                self.generator, portrait, self.tuning, resume=point, every_steps=RESUME_STEPS
            ),
            "tuned", start=self.generator, config=self.tuning, portrait=[portrait.ws, portrait.image],
        )  # fmt: skip

    def _trained(self, run: Callable[[Path], nn.Module], kind: str, **facts: Any) -> nn.Module:
        file = self._file(kind, **facts)
        if not file.is_file():
            made = run(file.with_suffix(".resume"))
            itp.save_generator(made, file, made.lineage)
        result = itp.load_generator(file)
        result.history = History.from_json(read_header(file).lineage["history"])
        return result

    def _file(self, kind: str, **facts: Any) -> Path:
        self.cache.mkdir(parents=True, exist_ok=True)
        return self.cache / f"{kind}-{run_identity(**facts, **self.networks)[:20]}.safetensors"


def _ite(mode: str, generator: Any, steps: int) -> ITEConfig:
    config = suited(ITEConfig, generator, mode).replace(source_text=SOURCE_TEXT)
    return config.with_steps(steps) if steps else config


def _with_steps(config: Any, steps: int) -> Any:
    return config.replace(steps=steps) if steps else config


def add_amounts(options: argparse.ArgumentParser) -> None:
    """The options that make a run small."""
    usual = Amounts()
    options.add_argument("--people", type=int, default=usual.people, help="fresh people per result")
    for name in ("steps", "inversion-steps", "tuning-steps"):
        options.add_argument(f"--{name}", type=int, default=0, help="0: the settings' own")
    options.add_argument("--cache", type=Path, default=CACHE, help="folder of inversions and trained weights")


def read_amounts(given: argparse.Namespace) -> Amounts:
    """`Amounts` of parsed options."""
    return Amounts(given.people, given.steps, given.inversion_steps, given.tuning_steps)
