"""What a task does: inversion, training, pictures, self-test. Loads torch when the first needs it."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.atomic import replacing
from ..checkpoints.hashes import file_hash
from ..errors import ITPortraitError
from ..methods.configs import APTConfig, InversionConfig, ITEConfig
from .files import is_whole
from .job import ROLES, Job, Source
from .perform import Bench
from .selftest import run_selftest
from .settings import config
from .tasks import Task, resume_point

if TYPE_CHECKING:
    from torch import Tensor

    from ..guidance.clip import ClipModel
    from ..methods.inversion.photo_prior import PhotoPrior
    from ..methods.shared.portrait import Portrait
    from ..networks.generator3d import Generator3D


def work_on(task: Task, bench: Bench) -> None:
    """Do one task to its end, from its resume point where there is one."""
    {"invert": _invert, "train": _train, "render": _render, "selftest": run_selftest}[task.kind](task, bench)


def _invert(task: Task, bench: Bench) -> None:
    from .. import invert

    job, source = task.jobs[0], task.source
    generator = generator_of(bench.results.base(job), bench.device)
    picture = _picture(bench.results.places.input_file(source.file), source)
    settings = config(job, InversionConfig, generator.resolution)
    person = invert(
        generator, picture.to(bench.device), prior=_prior(job, bench), config=settings,
        **_resume(task, bench),
    )  # fmt: skip
    with replacing(bench.results.portrait(job, source)) as draft:
        _signed(person, bench.results.base(job)).save(draft)


def _train(task: Task, bench: Bench) -> None:
    from .. import couple, stylize

    job, results = task.jobs[0], bench.results
    base, files, facts = results.base(job), results.trained(job), results.training_facts(job)
    generator = generator_of(base, bench.device)
    clips = [_clip(path, bench.device) for path in results.clips(job)] if job.clips else None
    point = _resume(task, bench)
    style = _load_portrait(results.portrait(job, job.style), bench.device) if job.style else None
    if job.method == "picture" and style is not None:
        settings = config(job, APTConfig, generator.resolution)
        made = [stylize(generator, style, settings, clip=clips, keep_point=True, **point)]
    else:
        texts = config(job, ITEConfig, generator.resolution)
        both = couple(generator, style, job.text, clips, texts, keep_point=True, **point)
        made = [one for one in (both.target, both.style) if one is not None]
    for trained, file in zip(made, files, strict=True):
        _keep(trained, file, base, facts)


def _render(task: Task, bench: Bench) -> None:
    wrong = []
    for job in task.jobs:
        files = bench.results.pictures(job)
        if all(is_whole(file) for file in files):
            continue
        try:
            _draw(job, files, bench)
        except ITPortraitError as error:
            wrong.append((job.person.label, error))
    if wrong:
        names = "; ".join(f"{name}: {error}" for name, error in wrong)
        raise ITPortraitError(f"{len(wrong)} of {len(task.jobs)} people failed: {names}") from wrong[0][1]


def _draw(job: Job, files: list[Path], bench: Bench) -> None:
    """The pictures of one person, each with its recipe card inside."""
    import torch

    from ..recipes.card import CHUNK, Card, bytes_hash, describe_weights, versions
    from ..recipes.carriers import KEY, png_bytes
    from ..recipes.drawing import picture_pixels
    from ..rendering.views import render_views

    drawn = bench.results.drawn(job)
    drawn = bench.copies.get(drawn, drawn)
    generator = generator_of(drawn, bench.device)
    person = person_of(job, generator, bench)
    labels = _cameras(job).to(bench.device)
    with torch.no_grad():
        images = render_views(generator, person.ws, labels, CHUNK).images
    card = Card(
        "picture", describe_weights(drawn), person.report, versions=versions(device=bench.device),
        ws=person.ws.float().cpu(), cameras=labels.float().cpu(),
    )  # fmt: skip
    for view, file in enumerate(files):
        pixels = picture_pixels(images[view])
        signed = dataclasses.replace(card.for_view(view), proof=bytes_hash(pixels))
        with replacing(file) as draft:
            draft.write_bytes(png_bytes(pixels, {KEY: signed.to_json()}))


def person_of(job: Job, generator: Generator3D, bench: Bench) -> Portrait:
    """Who a job draws: made up, read, or found by an inversion before."""
    from ..methods.shared.portrait import check_fits, sample_portrait

    if job.person.kind == "seed":
        person = sample_portrait(generator, job.person.seed, truncation=job.person.truncation)
        return _signed(person, bench.results.base(job))
    person = _load_portrait(bench.results.portrait(job, job.person), bench.device)
    check_fits(generator, person)
    return person


def _cameras(job: Job) -> Tensor:
    from ..rendering import cameras

    yaw, pitch = zip(*job.views, strict=True)
    return cameras.orbit(list(yaw), list(pitch)).float()


def _picture(file: Path, source: Source) -> Tensor:
    """The style or person `[1, 3, H, W]` in [-1, 1], framed as the generator's pictures are."""
    from PIL import Image

    from ..alignment.pictures import to_rgb

    if file_hash(file) != source.sha256:
        raise ITPortraitError(f"{file} has changed since the sheet was made; plan anew.")
    try:
        with Image.open(file) as opened:
            opened.load()
            picture = to_rgb(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ITPortraitError(f"{file} is no picture that can be read ({error}); save it as PNG.") from error
    height, width = picture.shape[-2:]
    side = min(height, width)
    top, left = math.floor((height - side) / 2), math.floor((width - side) / 2)
    return picture[:, :, top : top + side, left : left + side]


def _prior(job: Job, bench: Bench) -> PhotoPrior:
    paths = {role: bench.places.weights(one.file, one.sha256, ROLES[role]) for role, one in job.prior.items()}
    return _loaded_prior(tuple(sorted(paths.items())), bench.device)


@lru_cache(maxsize=1)
def _loaded_prior(paths: tuple[tuple[str, Path], ...], device: str) -> PhotoPrior:
    from .. import load_photo_prior

    return load_photo_prior(dict(paths) if paths else "pocket", device=device)


@lru_cache(maxsize=2)
def generator_of(path: Path, device: str) -> Generator3D:
    """The generator of a file; the last two stay in memory."""
    from .. import load_generator
    from ..checkpoints.format import read_header

    generator = load_generator(path, device=device)
    generator.lineage = dict(read_header(path).lineage)
    return generator


@lru_cache(maxsize=4)
def _clip(path: Path, device: str) -> ClipModel:
    from ..guidance.clip import load_clip

    return load_clip(path).to(device)


def _load_portrait(path: Path, device: str) -> Portrait:
    from .. import Portrait

    return Portrait.load(path, device)


def _resume(task: Task, bench: Bench) -> dict[str, Any]:
    return {
        "resume": resume_point(task, bench.results), "every_steps": 0, "every_seconds": bench.resume_seconds,
    }  # fmt: skip


def _keep(trained: Generator3D, file: Path, base: Path, recipe: dict[str, Any]) -> None:
    """Write a trained generator with its lineage, the licence of its base, and its card, as the nodes do."""
    from .. import save_generator
    from ..checkpoints.format import read_header
    from ..checkpoints.tensor_file import attach
    from ..recipes.drawing import generator_card
    from ..recipes.notes import make_notes

    with replacing(file) as draft:
        lineage = {**trained.lineage, "recipe": recipe}
        save_generator(trained, draft, lineage, license=read_header(base).license)
        card = generator_card(draft, {}, name=file.name)
        attach(draft, make_notes(card, None, None, private=False))


def _signed(person: Portrait, base: Path) -> Portrait:
    from ..recipes.card import describe_weights

    weights = describe_weights(base)
    facts = {name: weights[name] for name in ("content", "family", "license")}
    return dataclasses.replace(person, report={**person.report, "generator": facts})
