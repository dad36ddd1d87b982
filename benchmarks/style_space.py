"""Edit Portrait against true edits: `python -m benchmarks.style_space` (docs/results.md#edit-portrait).

For every text, people who do not show it yet are drawn by the generator, edited at strengths 0.5 and 1, and
truly (`pocket/edits.py`), from the front. The judge CLIP and the identity network guided nothing.

* `seen`: share in which the judge sees the edit at strength 1; `half`, `before` the same at 0.5 and 0; `true`
  on true edited pictures.
* `others`: share of the other attributes' labels that change for the judge though they do not in the true
  pictures.
* `identity`: cosine lost to the unedited picture, beyond what the true edit loses to the true person.
* `lpips`: LPIPS to the true edited picture, as a share of the unedited picture's.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.judging import seen_share
from benchmarks.people import SITTER_VIEW, truth
from benchmarks.styles import SITTER_SEED
from itportrait_core.guidance.clip import ClipModel, load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.style.config import EditConfig
from itportrait_core.methods.style.relevance import Relevance, measure_relevance
from itportrait_core.networks.arcface import identity_similarity
from itportrait_core.pocket.attributes import HAIR_COLORS, HAIR_STYLES, Z_DIM, attributes
from itportrait_core.pocket.captions import PROMPTS, label
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.training.evaluate_clip import prompt_directions
from itportrait_core.rendering import cameras

RESULTS, CACHE = Path(__file__).parent / "results", Path(".cache") / "benchmarks" / "style_space"
FRONT = ((0.0, 0.0),)
SEED = 91001
"""Latents of the people; trainings and the measuring of relevance draw theirs elsewhere."""
WANTED = {
    "a person wearing glasses": ("glasses", 1),
    "a person wearing a beanie": ("hat", 1),
    "a person with a beard": ("beard", 1),
    "a smiling person": ("smile", 1),
    "an old person": ("age", 1),
    "a person with long hair": ("hair_style", HAIR_STYLES.index("long")),
    "a person with blond hair": ("hair_color", HAIR_COLORS.index("blond")),
}
"""Text -> attribute, and its label that shows the edit."""


@dataclass(frozen=True)
class Row:
    """One text on one style; see the module."""

    style: str
    text: str
    before: float
    half: float
    seen: float
    true: float
    others: float
    identity: float
    lpips: float


def people_for(text: str, count: int) -> Tensor:
    """Latents of people who plainly do not show what the text asks for."""
    name, wanted = WANTED[text]
    rng, found = torch.Generator().manual_seed(SEED), []
    while len(found) < count:
        z = normalise(torch.randn(1, Z_DIM, generator=rng))
        if int(label(attributes(z), name)[0]) not in (wanted, -1):
            found.append(z)
    return torch.cat(found)


@torch.no_grad()
def drawn(generator: nn.Module, people: Tensor) -> Tensor:
    """People [N, Z_DIM] from the front."""
    shown = [generator.synthesis(generator.mapping(z), cameras.front()).image for z in people.split(1)]
    return torch.cat(shown).clamp(-1, 1)


@torch.no_grad()
def labels(judge: ClipModel, shown: Tensor, but: str) -> Tensor:
    """The judge's labels [N, A] of all attributes but one and the style."""
    seen = judge.encode_image(shown)
    names = [name for name in PROMPTS if name not in (but, "style")]
    return torch.stack([(seen @ prompt_directions(judge, name).t()).argmax(1) for name in names], dim=1)


def main() -> None:
    """Measure, print and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--people", type=int, default=16)
    options.add_argument("--styles", nargs="*", default=["photo"], help="arts, each by Instant Style")
    given = options.parse_args()
    base, guide, judge = itp.load_generator("pocket"), load_clip("pocket-guide"), load_clip("pocket-judge")
    metric, config, identity = load_perceptual(), EditConfig(), itp.load_photo_prior("pocket").identity
    known = _relevance(base, guide, config)
    rows = []
    for style in given.styles:
        sitter = normalise(torch.randn(1, Z_DIM, generator=torch.Generator().manual_seed(SITTER_SEED)))
        picture = truth(sitter, style, views=(SITTER_VIEW,)).image
        generator = base if style == "photo" else itp.instant_style(base, picture)
        for text, (name, wanted) in WANTED.items():
            people = people_for(text, given.people)
            shown = {0.0: drawn(generator, people)}
            for strength in (0.5, 1.0):
                made = itp.edit_portrait(
                    generator,
                    text,
                    config.replace(strength=strength),
                    base=base,
                    clip=guide,
                    relevance=[known],
                )
                shown[strength] = drawn(made, people)
            start, true = truth(people, style, views=FRONT).image, truth(people, style, text, FRONT).image
            kept = labels(judge, start, name) == labels(judge, true, name)
            changed = labels(judge, shown[0.0], name) != labels(judge, shown[1.0], name)
            with torch.no_grad():
                lost = [
                    1 - float(identity_similarity(identity, a, b, "eg3d").mean())
                    for a, b in ((shown[1.0], shown[0.0]), (true, start))
                ]
                apart = [float(metric(one, true).mean()) for one in (shown[1.0], shown[0.0])]
            seen = [seen_share(judge, one, name, wanted) for one in (*shown.values(), true)]
            others = float((changed & kept).float().sum() / kept.float().sum())
            rows.append(Row(style, text, *seen, others, lost[0] - lost[1], apart[0] / apart[1]))
            print(rows[-1], flush=True)
    with (RESULTS / "style_space.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)])
        table.writeheader()
        for row in rows:
            numbers = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()}
            table.writerow(numbers)


def _relevance(base: nn.Module, clip: ClipModel, config: EditConfig) -> Relevance:
    file = CACHE / f"{config.people}-{config.seed}.safetensors"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        measure_relevance(base, clip, config.people, config.seed).save(file)
    return Relevance.load(file)


if __name__ == "__main__":
    main()
