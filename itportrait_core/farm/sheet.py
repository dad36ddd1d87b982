"""Job sheets: JSON lines, one job each, in the layout of a recipe card of kind "job".

A line says which weights, style, text, person, settings and views; nothing in it is code, and nothing of it
is believed before `parse_line` has looked at every field. Imports no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoints.atomic import replacing
from ..errors import ITPortraitError
from ..methods.shared.code_digest import code_digest
from ..recipes.layout import FORMAT, LARGEST
from . import fields
from .job import DEFAULT_VIEWS, METHODS, MOST_JOBS, NEEDS, PRESETS, Job, Source, Weights

KIND = "job"
CARD_FIELDS = ("format", "kind", "weights", "person", "settings", "versions", "view", "proof",
               "ws", "cameras", "thumbnail")  # fmt: skip
SETTINGS_FIELDS = ("method", "style", "text", "changes", "preset", "prior", "clips", "views")


def line_of(job: Job) -> str:
    """A job as one line."""
    person = _source_fields(job.person)
    settings: dict[str, Any] = {"method": job.method}
    if job.method == "selftest":
        settings |= {"rounds": job.rounds, "seconds": job.seconds}
    else:
        settings |= {
            "style": None if job.style is None else _source_fields(job.style),
            "text": job.text,
            "changes": {name: dict(values) for name, values in job.changes.items()},
            "preset": job.preset,
            "prior": {role: _weights_fields(one) for role, one in job.prior.items()},
            "clips": [_weights_fields(one) for one in job.clips],
            "views": [list(view) for view in job.views],
        }
    card = {
        "format": FORMAT,
        "kind": KIND,
        "weights": _weights_fields(job.base),
        "person": person,
        "settings": settings,
        "versions": {} if job.method == "selftest" else {"methods": code_digest("couple")},
        "view": 0,
        "proof": "",
    }
    return json.dumps(card, sort_keys=True, ensure_ascii=False)


def write_sheet(path: Path, jobs: Iterable[Job]) -> Path:
    """Write a sheet, whole or not at all."""
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line_of(job)}\n" for job in jobs)
    return path


def read_sheet(path: Path) -> list[Job]:
    """Every job of a sheet.

    Raises:
        ITPortraitError: naming the first line, and the value in it, that is wrong; then nothing is run.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return list(parse_lines(file, path.name))
    except (OSError, UnicodeDecodeError) as error:
        raise ITPortraitError(f"{path} cannot be read ({error}); choose a job sheet.") from error


def parse_lines(lines: Iterable[str], name: str) -> Iterator[Job]:
    """The jobs of lines; empty lines are passed over, but counted.

    Raises:
        ITPortraitError: as `read_sheet`.
    """
    shared, count = fields.Shared(), 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        count += 1
        try:
            if count > MOST_JOBS:
                raise ITPortraitError(f"it is job {count}; a sheet holds at most {MOST_JOBS}")
            yield parse_line(line, shared)
        except ITPortraitError as error:
            raise ITPortraitError(f"{name}, line {number}: {error}") from error
    if count == 0:
        raise ITPortraitError(f"{name} holds no job; make one with `farm plan`.")


def parse_line(line: str, shared: fields.Shared | None = None) -> Job:
    """The job of one line.

    Args:
        line: the text.
        shared: equal parts of earlier lines.

    Raises:
        ITPortraitError: naming the field and its value.
    """
    same = shared or fields.Shared()
    card = _card(line)
    settings = card.get("settings")
    if not isinstance(settings, dict):
        raise fields.mismatch("settings", settings, "it must be an object")
    method = fields.one_of(settings.get("method"), METHODS, "settings.method")
    if method == "selftest":
        return _selftest(card.get("person"), settings)
    fields.only(settings, SETTINGS_FIELDS, "settings")
    style = settings.get("style")
    wanted = None if style is None else fields.source(style, "settings.style", "picture", "portrait")
    views = settings.get("views", [list(view) for view in DEFAULT_VIEWS])
    job = Job(
        method=method,
        base=same.once(fields.weights(card.get("weights"), "weights")),
        person=same.once(fields.source(card.get("person"), "person")),
        style=None if wanted is None else same.once(wanted),
        text=same.once(fields.text(settings.get("text", ""))),
        prior=same.checked(fields.prior, settings.get("prior", {})),
        clips=same.checked(fields.clips, settings.get("clips", [])),
        changes=same.checked(fields.changes, settings.get("changes", {})),
        preset=fields.one_of(settings.get("preset", ""), PRESETS, "settings.preset"),
        views=same.checked(fields.views, views),
    )
    _check_method(job)
    return job


def _card(line: str) -> dict[str, Any]:
    if len(line) > LARGEST:
        raise ITPortraitError(f"the line has {len(line)} characters; at most {LARGEST} are read")
    try:
        card = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ITPortraitError(f"this is no JSON ({str(error)[:80]}): {line[:60]!r}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT or card.get("kind") != KIND:
        header = [card.get("format"), card.get("kind")] if isinstance(card, dict) else card
        raise ITPortraitError(f"format and kind are {str(header)[:60]}; a job has [{FORMAT}, '{KIND}']")
    return fields.only(card, CARD_FIELDS, "the line")


def _selftest(person: object, settings: Mapping[str, Any]) -> Job:
    fields.only(settings, ("method", "rounds", "seconds"), "settings")
    seconds = fields.number(settings.get("seconds", 0.0), 0.0, 3600.0, "settings.seconds")
    rounds = int(fields.number(settings.get("rounds", 1), 1, 100_000, "settings.rounds", whole=True))
    return Job("selftest", Weights(), fields.source(person, "person", "seed"), rounds=rounds, seconds=seconds)


def _check_method(job: Job) -> None:
    given = {"style": job.style and job.style.label, "text": job.text.strip()}
    for (what, value), wanted in zip(given.items(), NEEDS[job.method], strict=True):
        if bool(value) != wanted:
            need = "needs one" if wanted else "takes none"
            raise fields.mismatch(f"settings.{what}", value, f"the method {job.method!r} {need}")


def _source_fields(source: Source) -> dict[str, Any]:
    if source.kind == "seed":
        return {"seed": source.seed, "truncation": source.truncation}
    return {source.kind: source.file, "sha256": source.sha256}


def _weights_fields(weights: Weights) -> dict[str, Any]:
    return {"file": weights.file} | ({"sha256": weights.sha256} if weights.sha256 else {})
