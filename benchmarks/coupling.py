"""Does the coupled run carry the picture's style and the text's edit? `python -m benchmarks.coupling`.

For every pair of `held_out.HELD_OUT_PAIRS`: a style picture of a person nobody trained on is inverted, then
three runs share it - coupled, image-only, text-only. Fresh people are rendered by each result from three
sides. The judge CLIP, which guides nothing, says whether style and edit are there; LPIPS compares with the
true picture of the same person, edited and in that style. Writes `benchmarks/results/coupling.csv` and a
picture sheet, and prints the totals with the ratio of LPIPS to the better of the two single runs.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

import itportrait_core as itp
from itportrait_core.guidance.clip import ClipModel, load_clip
from itportrait_core.guidance.perceptual import Perceptual, load_perceptual
from itportrait_core.methods.configs import InversionConfig, ITEConfig
from itportrait_core.methods.photo_twin import PhotoPrior, load_photo_prior
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.captions import PROMPTS, label
from itportrait_core.pocket.edits import EDITS
from itportrait_core.pocket.held_out import HELD_OUT_PAIRS
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.render import render
from itportrait_core.pocket.styles import STYLES
from itportrait_core.pocket.training.evaluate_clip import prompt_directions
from itportrait_core.rendering import cameras

RESULTS = Path(__file__).parent / "results"
TEXTS = {
    "glasses": "a person wearing glasses",
    "hat": "a person with a hat",
    "beard": "a person with a beard",
    "smile": "a smiling person",
}
"""Held-out attribute -> the sentence that asks for it."""
VIEWS = ((-30.0, 0.0), (0.0, 0.0), (30.0, 0.0))
"""Yaw and pitch that results are judged from, degrees."""
FIRST_SEED = 70001
"""Latents from here on; trainings draw theirs elsewhere."""


@dataclass(frozen=True)
class Row:
    """One result of one pair: shares in 0..1, LPIPS to the truth."""

    style: str
    edit: str
    run: str
    text_success: float
    style_success: float
    lpips: float
    minutes: float


def people_without(edit: str, count: int, seed: int) -> Tensor:
    """Normalised latents [count, Z_DIM] of people who do not show the attribute `edit` yet."""
    dice, found = torch.Generator().manual_seed(seed), []
    while len(found) < count:
        z = normalise(torch.randn(1, Z_DIM, generator=dice))
        if label(attributes(z), edit)[0] == 0:
            found.append(z)
    return torch.cat(found)


@torch.no_grad()
def pictures(generator: nn.Module, people: Tensor) -> Tensor:
    """[people x views, 3, H, W]: every person of `people [N, Z_DIM]` from every view."""
    labels = torch.cat([cameras.orbit(yaw, pitch) for yaw, pitch in VIEWS])
    rows = []
    for z in people.split(1):
        ws = generator.mapping(z)
        planes = generator.planes(ws)
        rows += [generator.render(planes, ws, c).image.clamp(-1, 1) for c in labels.split(1)]
    return torch.cat(rows)


def truths(people: Tensor, style: str, text: str) -> Tensor:
    """What `pictures` should show: the same people edited and in the style."""
    labels = torch.cat([cameras.orbit(yaw, pitch) for yaw, pitch in VIEWS])
    return torch.cat([render(EDITS[text](attributes(z)), labels, style).image for z in people.split(1)])


def seen_share(judge: ClipModel, shown: Tensor, name: str, wanted: int) -> float:
    """Share of pictures whose label `wanted` of attribute `name` wins zero-shot."""
    with torch.no_grad():
        guess = (judge.encode_image(shown) @ prompt_directions(judge, name).t()).argmax(1)
    return float((guess == wanted).float().mean())


class Bench:
    """The networks all pairs share."""

    def __init__(self, steps: int, inversion_steps: int, people: int) -> None:
        self.generator = itp.load_generator("pocket")
        self.prior: PhotoPrior = load_photo_prior("pocket")
        self.guide, self.judge = load_clip("pocket-guide"), load_clip("pocket-judge")
        self.metric: Perceptual = load_perceptual()
        self.people = people
        self.inversion = InversionConfig().scaled_for(self.generator)
        self.ite = ITEConfig().scaled_for(self.generator)
        if inversion_steps:
            self.inversion = self.inversion.replace(steps=inversion_steps)
        if steps:
            self.ite = self.ite.replace(steps=steps)

    def pair(self, style: str, edit: str, seed: int) -> tuple[list[Row], Tensor]:
        """Rows of the three runs, and a strip of pictures [columns, 3, H, W] for the sheet."""
        text = TEXTS[edit]
        sitter = people_without(edit, 1, seed)
        picture = render(attributes(sitter), cameras.orbit(18.0, 4.0), style).image
        portrait = itp.invert(self.generator, picture, prior=self.prior, config=self.inversion)
        people = people_without(edit, self.people, seed + 500)
        wanted, rows, strip = truths(people, style, text), [], [picture]
        strip.append(pictures(self.generator, people[:1])[1:2])
        for run in ("image_only", "text_only", "coupled"):
            start = time.perf_counter()
            config = self.ite.replace(mode=run)
            result = itp.couple(self.generator, portrait, text=text, clip=self.guide, config=config)
            minutes = (time.perf_counter() - start) / 60
            shown = pictures(result.target, people)
            rows.append(self.row(style, edit, run, shown, wanted, minutes))
            strip.append(shown[1:2] if run != "coupled" else shown[:3])
        return rows, torch.cat([*strip, wanted[1:2]])

    def row(self, style: str, edit: str, run: str, shown: Tensor, wanted: Tensor, minutes: float) -> Row:
        """Judge one run's pictures."""
        with torch.no_grad():
            lpips = float(
                torch.cat(
                    [self.metric(a, b) for a, b in zip(shown.split(8), wanted.split(8), strict=True)]
                ).mean()
            )
        text_share = seen_share(self.judge, shown, edit, list(PROMPTS[edit]).index("yes"))
        style_share = seen_share(self.judge, shown, "style", STYLES.index(style))
        return Row(style, edit, run, text_share, style_share, lpips, minutes)


def save_sheet(strips: list[Tensor], path: Path) -> None:
    """Columns: style picture, person, image-only, text-only, coupled from three sides, truth."""
    sheet = torch.cat([torch.cat(list(strip), dim=2) for strip in strips], dim=1)
    pixels = ((sheet.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(path, quality=90)


def summary(rows: list[Row]) -> str:
    """Totals per run, and LPIPS of the coupled run against the better single run."""
    lines, means = [], {}
    for run in ("image_only", "text_only", "coupled"):
        mine = [row for row in rows if row.run == run]
        mean = [
            sum(getattr(r, k) for r in mine) / len(mine) for k in ("text_success", "style_success", "lpips")
        ]
        means[run] = mean[2]
        lines.append(f"{run:10}  text {mean[0]:6.1%}  style {mean[1]:6.1%}  LPIPS {mean[2]:.4f}")
    ratio = means["coupled"] / min(means["image_only"], means["text_only"])
    return "\n".join([*lines, f"LPIPS of coupled / better single run: {ratio:.3f}"])


def main() -> None:
    """Run the pairs and write table and sheet."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--pairs", type=int, default=len(HELD_OUT_PAIRS), help="how many pairs, from the first"
    )
    options.add_argument("--people", type=int, default=8, help="fresh people per pair")
    options.add_argument("--steps", type=int, default=0, help="0: the settings' own")
    options.add_argument("--inversion-steps", type=int, default=0, help="0: the settings' own")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    bench, rows, strips = Bench(given.steps, given.inversion_steps, given.people), [], []
    for number, (style, edit) in enumerate(HELD_OUT_PAIRS[: given.pairs]):
        made, strip = bench.pair(style, edit, FIRST_SEED + number)
        rows, strips = rows + made, [*strips, strip]
        said = ", ".join(f"{r.run} {r.text_success:.0%}/{r.style_success:.0%}" for r in made)
        print(f"{style} + {edit}: {said}")
    given.out.mkdir(parents=True, exist_ok=True)
    with open(given.out / "coupling.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(
            {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(r).items()} for r in rows
        )
    save_sheet(strips, given.out / "coupling.jpg")
    print(summary(rows))


if __name__ == "__main__":
    main()
