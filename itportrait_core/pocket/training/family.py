"""`python -m itportrait_core train all`: every network of the pocket family in order, resumable.

The time is shared as it was for the shipped weights. What has had its share is skipped at once, and what was
stopped goes on, so that the same command can be given again and again: with more minutes everything is
trained further.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import torch

from ...checkpoints.format import load_generator, read_header
from ...errors import ITPortraitError
from ...methods.shared.lineage import weights_hash
from . import real_lpips
from .encoder import FIRST, FIRST_SHARE
from .loop import resume_file

MINUTES = {
    "generator": 250.0,
    "photo": 40.0,
    "encoder": 82.0,
    "pose": 7.0,
    "identity": 13.0,
    "perceptual": 9.0,
    "clip_guide": 23.0,
    "clip_judge": 24.0,
    "style_prior": 62.0,
    "style_code": 15.0,
}
"""What each network got for the shipped weights, on one core, in an order in which none is missed by a later
one: `encoder` learns against `photo`, `style_prior` on `generator`, `style_code` after `style_prior`."""

Train = Callable[[str, float], None]
"""Trains a network by name for so many minutes, or continues it."""


def shares(minutes: float | None, without: Collection[str] = ()) -> dict[str, float]:
    """Minutes of each network, in order; together `minutes`, or what the shipped weights got where None."""
    wanted = {name: value for name, value in MINUTES.items() if name not in without}
    total = sum(wanted.values())
    return {name: value * (1.0 if minutes is None else minutes / total) for name, value in wanted.items()}


def stages(name: str, minutes: float) -> dict[str, float]:
    """Minutes of each resume point of a network, in order."""
    if name == "encoder":
        return {FIRST: minutes * FIRST_SHARE, name: minutes * (1 - FIRST_SHARE)}
    return {name: minutes}


def file_of(name: str) -> str:
    """Name of the file that a training writes: style codes are trained into the prior's."""
    return f"{'style_prior' if name == 'style_code' else name}.safetensors"


def minutes_of(folder: Path, stage: str) -> float:
    """How long a resume point was trained; 0 without one."""
    file = resume_file(folder, stage)
    if not file.is_file():
        return 0.0
    return float(torch.load(file, map_location="cpu", weights_only=True, mmap=True)["elapsed"]) / 60


def is_trained(folder: Path, stage: str, minutes: float) -> bool:
    """Whether a resume point was trained for so long."""
    return minutes_of(folder, stage) >= minutes * (1 - 1e-9)


def has_budget_used(folder: Path, name: str, minutes: float) -> bool:
    """Whether all stages of a network were trained for so long."""
    return all(is_trained(folder, stage, share) for stage, share in stages(name, minutes).items())


def fits_generator(folder: Path) -> bool:
    """Whether the style prior of the folder was made for its generator."""
    prior, generator = folder / "style_prior.safetensors", folder / "generator.safetensors"
    if not (prior.is_file() and generator.is_file()):
        return prior.is_file()
    return bool(read_header(prior).config["base_hash"] == weights_hash(load_generator(generator)))


def is_finished(folder: Path, name: str, minutes: float) -> bool:
    """Whether there is nothing left to train: the time is used, and the file is there and fits."""
    if not (has_budget_used(folder, name, minutes) and (folder / file_of(name)).is_file()):
        return False
    return not name.startswith("style_") or fits_generator(folder)


def outdated(folder: Path, name: str, minutes: float) -> Iterator[str]:
    """Resume points that training `name` makes worthless: they would bring old weights back."""
    if name == "encoder" and not is_trained(folder, FIRST, stages(name, minutes)[FIRST]):
        yield "encoder"  # its second stage began with a first that had learned less
    if name == "style_prior":
        yield "style_code"  # it holds the basis that is about to change
        if has_budget_used(folder, name, minutes):
            yield "style_prior"  # of another generator, and with no time left to follow this one


def set_aside(folder: Path, stage: str) -> None:
    """Give a resume point a name under which nothing continues from it."""
    file = resume_file(folder, stage)
    if file.is_file():
        old = file.with_suffix(".old.pt")
        os.replace(file, old)
        print(f"all: {stage} starts anew, because what it was trained on changed; the old one is {old.name}")


def check_teacher() -> None:
    """Raises ITPortraitError where the network is missing that `perceptual` learns from."""
    try:
        real_lpips.weights_file("vgg")
    except FileNotFoundError as error:
        raise ITPortraitError(
            "perceptual learns from a real LPIPS, which is not installed: `pip install --no-deps "
            "stlpips-pytorch`, or leave it out by `--without perceptual`."
        ) from error


def train_all(folder: Path, minutes: float | None, without: Collection[str], train: Train) -> None:
    """Train what is not finished, in order.

    Args:
        folder: of the files and resume points.
        minutes: for all networks together; None for what the shipped weights got.
        without: names that are left out; the others share the time.
        train: trains one network into the folder.

    Raises:
        ITPortraitError: before anything is trained, where the teacher of `perceptual` is missing.
    """
    budgets = shares(minutes, without)
    finished = {name for name, share in budgets.items() if is_finished(folder, name, share)}
    if "perceptual" in budgets and "perceptual" not in finished:
        check_teacher()
    for number, (name, share) in enumerate(budgets.items(), 1):
        title = f"all: {number} of {len(budgets)}, {name}, {share:.3g} min"
        if is_finished(folder, name, share):
            print(f"{title}: finished")
            continue
        print(title)
        for stage in list(outdated(folder, name, share)):
            set_aside(folder, stage)
        train(name, share)


def what_next(folder: Path) -> str:
    """How to try, measure and ship what lies in the folder."""
    files = sorted({file_of(name) for name in MINUTES if (folder / file_of(name)).is_file()})
    names = [name.removesuffix(".safetensors") for name in files if name != "generator.safetensors"]
    lines = [
        f"all: the networks are in {folder}: {', '.join(files)}",
        f"To see them at work: python tests/demo.py --weights {folder} (a network that was left out is to be",
        "copied there from itportrait_core/pocket/weights/ first).",
        "To ship them: copy the files to itportrait_core/pocket/weights/, then measure them; this writes",
        "relevance.safetensors there, and itportrait_core/pocket/MODEL_CARD.md:",
        "  python -m itportrait_core.pocket.training.relevance",
        "  python -m itportrait_core.pocket.training.evaluate_generator --card",
        *(f"  python -m itportrait_core evaluate {name}" for name in names),
    ]
    return "\n".join(lines)
