"""Live heads of a sheet: a page for each style, in which its first two people turn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.atomic import replacing
from .files import is_whole
from .job import Job
from .perform import Bench
from .results import NotMadeYet, Results

MOST_PEOPLE = 2
WEB = Path(__file__).resolve().parents[2] / "web"
"""Where the pack keeps the modules that draw a live head in the browser."""


def file_of(job: Job, results: Results) -> Path | None:
    """The page of a job's style, beside its generator; None without a style, or while it is not trained."""
    try:
        files = results.trained(job)
    except NotMadeYet:
        return None
    return files[0].with_suffix(".html") if files else None


def make(jobs: Sequence[Job], bench: Bench) -> int:
    """Write the pages of all styles that are trained and have none yet; returns how many.

    Raises:
        ITPortraitError: for a family that no browser draws, or where the pack's folder `web` is missing.
    """
    looks: dict[Path, list[Job]] = {}
    for job in jobs:
        file = None if job.method == "selftest" else file_of(job, bench.results)
        if file is not None and is_whole(bench.results.drawn(job)) and not os.path.isfile(file):
            looks.setdefault(file, []).append(job)
    for file, members in looks.items():
        _write(file, members, bench)
    return len(looks)


def _write(file: Path, jobs: Sequence[Job], bench: Bench) -> None:
    from ..checkpoints.format import read_header
    from ..live.pack import Person, Style, pack
    from ..live.page import page, texts
    from .work import generator_of, person_of

    job, results = jobs[0], bench.results
    styles = [
        Style(name, generator_of(path, bench.device), read_header(path).license)
        for name, path in (("base", results.base(job)), (job.look, results.drawn(job)))
    ]
    people = list({one.person: one for one in jobs}.values())[:MOST_PEOPLE]
    who = [Person(one.person.label, person_of(one, styles[0].generator, bench).ws) for one in people]
    terms = {style.license or "The licence of the weights is not known." for style in styles}
    data = pack(styles, who, facts={"state": {"fade": 1.0}})
    text = page(data, texts(WEB), title=job.look, license="Weights: " + " ".join(sorted(terms)))
    with replacing(file) as draft:
        draft.write_text(text, encoding="utf-8")
