"""Draw a file again from its recipe card, and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.format import load_generator
from ..errors import ITPortraitError
from ..methods.shared.lineage import weights_hash
from ..methods.shared.portrait import Portrait, check_fits
from ..methods.style.style_file import load_style
from ..networks.generator3d import Generator3D
from . import carriers
from .card import Card, bytes_hash, describe_weights, parse, versions
from .drawing import picture_pixels, shrink, view_pixels
from .geometry_check import check_mesh, check_splats
from .verdict import CLOSE, DIFFERENT, IDENTICAL, MEAN_GREY, MOST_GREY, Verdict
from .weights_search import find_weights

MOST_DECIBEL = 0.05
"""Tolerance of the likeness that an inversion reported."""


def verify(path: Path, places: Sequence[Path] = ()) -> Verdict:
    """Draw a file again from its card and compare.

    Args:
        path: a PNG, GLB, PLY or safetensors file that a node of this pack wrote.
        places: files and folders to look for weights in, beside the embedded ones and the ComfyUI around it.

    Raises:
        ITPortraitError: for a damaged file, or one without a card.
    """
    notes = carriers.read_notes(path)
    if carriers.KEY not in notes:
        raise ITPortraitError(
            f"{path} carries no recipe card; Save Pictures, Save Mesh, Save Splats, Save Generator, Save "
            "Portrait write one."
        )
    card = parse(notes[carriers.KEY])
    verdict = Verdict()
    _compare_versions(card, verdict)
    source = path if card.kind == "generator" else _weights(_needed(card), path, places, verdict)
    if source is None:
        return verdict
    try:
        generator = load_generator(source)
        with torch.no_grad():
            return _CHECKS[card.kind](path, card, generator, verdict)
    except ITPortraitError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ITPortraitError(f"The recipe card of {path} does not fit its weights ({error}).") from error


def _compare_versions(card: Card, verdict: Verdict) -> None:
    here = versions()
    for name, then in sorted(card.versions.items()):
        if name in here and here[name] != then:
            verdict.facts.append(f"other version: {name} {str(then)[:40]} then, {here[name]} now")


def _needed(card: Card) -> dict[str, Any]:
    """What a card says of the weights that must be found: a difference needs its base."""
    wanted = card.weights.get("base") if card.kind == "difference" else card.weights
    if not isinstance(wanted, Mapping):
        raise ITPortraitError("The recipe card is damaged: the difference names no base.")
    return dict(wanted)


def _weights(wanted: dict[str, Any], path: Path, places: Sequence[Path], verdict: Verdict) -> Path | None:
    content, name = str(wanted.get("content"))[:12], str(wanted.get("file", "a generator"))[:120]
    search = find_weights(wanted, path, places)
    if search.path is not None:
        verdict.facts.append(f"weights: {search.path.name} ({content}, {str(wanted.get('license'))[:80]})")
        return search.path
    for other in search.others:
        now = describe_weights(other)["content"][:12]
        verdict.facts.append(f"other hash: {other} holds {now}, the recipe was made with {content}")
    verdict.facts.append(
        f"missing weights: none of {search.searched} generators is {name!r} ({content}); name its file or "
        "folder with --weights"
    )
    return None


def _picture(path: Path, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    file = carriers.png_pixels(path)
    if bytes_hash(file) != card.proof:
        verdict.facts.append("its pixels were changed after the render, or the recipe is another picture's")
    drawn = view_pixels(generator, card)
    if drawn.shape != file.shape:
        return verdict.conclude(
            DIFFERENT,
            f"the file has {file.shape[1]} x {file.shape[0]} pixels, the recipe draws {drawn.shape[1]} x "
            f"{drawn.shape[0]}",
        )
    return _judge_pixels(file, drawn, verdict)


def _judge_pixels(file: Tensor, drawn: Tensor, verdict: Verdict) -> Verdict:
    gap = (file.int() - drawn.int()).abs()
    mean, most = float(gap.float().mean()), int(gap.max())
    if most == 0:
        return verdict.conclude(IDENTICAL, "every pixel is as the recipe draws it")
    fits = mean <= MEAN_GREY and most <= MOST_GREY
    limits = f"tolerance {MEAN_GREY} and {MOST_GREY}"
    fact = f"grey levels differ by {mean:.3f} on average and {most} at most ({limits})"
    return verdict.conclude(CLOSE if fits else DIFFERENT, fact)


def _generator(path: Path, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    return _test_picture(describe_weights(path)["content"], card, generator, verdict)


def _difference(path: Path, card: Card, base: Generator3D, verdict: Verdict) -> Verdict:
    style = load_style(path, base)
    return _test_picture(weights_hash(style), card, style, verdict)


def _test_picture(now: str, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    """`now` is the hash of the weights that are there."""
    thumbnail = card.tensor("thumbnail")
    then = str(card.weights.get("content"))
    if now != then:
        verdict.facts.append(f"other hash: the weights are {now[:12]}, {then[:12]} when they were saved")
    drawn = view_pixels(generator, card)
    if bytes_hash(drawn) == card.proof:
        return verdict.conclude(IDENTICAL, "its test picture comes out the same in every pixel")
    return _judge_pixels(thumbnail, shrink(drawn, thumbnail.shape[0]), verdict)


def _portrait(path: Path, card: Card, generator: Generator3D, verdict: Verdict) -> Verdict:
    person = Portrait.load(path)
    check_fits(generator, person)
    if bytes_hash(*person.hashed) != card.proof:
        return verdict.conclude(DIFFERENT, "latent, camera or picture were changed after saving")
    drawn = generator.synthesis(person.ws, person.camera).image
    then = person.report.get("psnr")
    if then is None:
        return _judge_pixels(picture_pixels(person.image[0]), picture_pixels(drawn[0]), verdict)
    return _judge_likeness(float(then), drawn, person, verdict)


def _judge_likeness(then: float, drawn: Tensor, person: Portrait, verdict: Verdict) -> Verdict:
    """An inversion's picture is the style picture: the likeness that was reported must come out again."""
    from ..guidance.metrics import psnr
    from ..methods.shared.passes import fit_picture

    now = float(psnr(drawn.clamp(-1, 1), fit_picture(person.image, drawn.shape[-1])))
    fact = f"likeness to its picture {now:.3f} dB, {then:.3f} then (tolerance {MOST_DECIBEL})"
    if abs(now - then) < 1e-4:
        return verdict.conclude(IDENTICAL, fact)
    return verdict.conclude(CLOSE if abs(now - then) <= MOST_DECIBEL else DIFFERENT, fact)


_CHECKS = {
    "picture": _picture,
    "mesh": check_mesh,
    "splats": check_splats,
    "generator": _generator,
    "difference": _difference,
    "portrait": _portrait,
}
