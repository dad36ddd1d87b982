"""Whether an edit stays in the part that was painted: `python -m benchmarks.region`.

For unseen people and five parts the true mask of the part, from a few views, stands for what a painter
paints. It is lifted into a region, and an edit by example (the very person with the change) is restricted to
it. Over 24 views: how the lifted mask overlaps the true one, how much of the colour change lies inside, how
well everything outside is kept, and how much of the wanted change arrives. Writes
`benchmarks/results/region.csv`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.geometry import PITCHES, YAWS
from benchmarks.table import Table, lines, save_sheet, save_strip
from benchmarks.true_parts import grown, part_mask
from itportrait_core.methods.shared.lineage import weights_hash
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.pocket.attributes import DIMS, Z_DIM, Attributes, attributes
from itportrait_core.pocket.latents import normalise
from itportrait_core.rendering import cameras
from itportrait_core.rendering.views import render_views

RESULTS = Path(__file__).parent / "results"
FIRST_SEED = 81001
"""Latents from here on; trainings draw theirs elsewhere."""
PAINTED = {1: ((0.0,), (0.0,)), 3: ((-45.0, 0.0, 45.0), (0.0,))}
"""Views that are painted -> their yaws and pitches, degrees."""
EDGE = 0.05
"""Rendered weight of the region above which a pixel is inside."""
LEAST = 12
"""Pixels that a part must have in a view to be compared there."""
SHEET_VIEWS = (2, 12, 21)


@dataclass(frozen=True)
class Part:
    """What is painted, and the change that is asked for.

    Attributes:
        changes: dimension of the latent -> its uniform number with the change.
        fits: whether a person has no such part yet (or has one to be changed).
    """

    changes: dict[str, float]
    fits: Callable[[Attributes], bool]


PARTS = {
    "hair": Part(
        {"hair_color": 0.93}, lambda a: a.hair_style[0] < 3 and a.hair_color[0] < 4 and a.hat[0] == 0
    ),
    "hat": Part({"hat": 0.83}, lambda a: a.hat[0] == 0),
    "beard": Part({"beard": 0.9}, lambda a: a.beard[0] == 0 and not a.female[0]),
    "glasses": Part({"glasses": 0.74}, lambda a: a.glasses[0] == 0),
    "mouth": Part({"smile": 0.95}, lambda a: a.smile[0] < 0.1),
}


@dataclass(frozen=True)
class RegionRow:
    """One person, one part, painted from so many views. Means over 24 views."""

    part: str
    person: int
    painted: int
    iou: float
    """Lifted mask against the true one."""
    inside: float
    """Share of the colour change inside the region."""
    outside_psnr: float
    """Pixels outside the region against the unedited, decibels; 99 where they are equal."""
    inside_true: float
    """Share of the colour change on the true part and two pixels about it."""
    free: float
    """The same of the edit without a region."""
    arrives: float
    """Colour change on the true part, of that without a region."""


def changed(z: Tensor, part: Part) -> Tensor:
    """The latent of the same person with the change."""
    made = z.clone()
    for name, value in part.changes.items():
        made[:, DIMS.index(name)] = math.sqrt(2) * torch.erfinv(torch.tensor(2 * value - 1))
    return normalise(made)


def people(part: Part, count: int) -> list[tuple[int, Tensor]]:
    """Seeds and normalised latents of people whom the change suits, others being as they were."""
    fitting, seed = [], FIRST_SEED
    while len(fitting) < count:
        z = normalise(torch.randn(1, Z_DIM, generator=torch.Generator().manual_seed(seed)))
        if part.fits(attributes(z)):
            fitting.append((seed, z))
        seed += 1
    return fitting


def true_masks(name: str, z: Tensor, after: Tensor, labels: Tensor, size: int) -> Tensor:
    """The part before and after the change: what has to be painted for it."""
    masks = [part_mask(attributes(one), labels, name, size) for one in (z, after)]
    return masks[1] if name in ("hat", "glasses", "beard") else torch.maximum(*masks)


def measure(
    generator: nn.Module, name: str, seed: int, z: Tensor, views: Tensor, sheet: Path | None
) -> list[RegionRow]:
    """Rows of one person and part."""
    size, after = generator.resolution, changed(z, PARTS[name])
    ws, moved = generator.mapping(z), generator.mapping(after)
    before, then = (Portrait(w, cameras.front(), torch.zeros(1, 3, size, size)) for w in (ws, moved))
    exact = itp.EditConfig(disentangle=0.0)
    edited = itp.edit_portrait(generator, config=exact, before=before, after=then)
    plain, free = (render_views(one, ws, views).images.clamp(-1, 1) for one in (generator, edited))
    truth = true_masks(name, z, after, views, size)
    near = grown(truth, 2)
    wanted, rows = (free - plain).abs(), []
    for count, (yaws, pitches) in PAINTED.items():
        painted_from = cameras.grid(yaws, pitches)
        masks = true_masks(name, z, after, painted_from, size)
        region = itp.lift_region(generator, before, masks, painted_from)
        made = itp.restricted(generator, edited, region)
        pictures = render_views(made, ws, views).images.clamp(-1, 1)
        lifted = F.interpolate(
            itp.region_masks(made, ws, region, views), (size, size), mode="bilinear", align_corners=False
        )
        change = (pictures - plain).abs()
        inside = grown((lifted > EDGE).float(), 2)
        left = ((pictures - plain).square() * (1 - inside)).sum() / (3 * (1 - inside).sum())
        rows.append(
            RegionRow(
                name, seed, count, overlap(lifted > 0.5, truth > 0.5),
                float((change * inside).sum() / change.sum()),
                min(99.0, float(10 * torch.log10(4 / left.clamp_min(1e-12)))),
                float((change * near).sum() / change.sum()), float((wanted * near).sum() / wanted.sum()),
                float((change * truth).sum() / (wanted * truth).sum()),
            )
        )  # fmt: skip
        if sheet is not None and count == 3:
            shown = [x[list(SHEET_VIEWS)] for x in (plain, free, pictures)]
            drawn = [(2 * x[list(SHEET_VIEWS)] - 1).expand(-1, 3, -1, -1) for x in (truth, lifted)]
            save_strip(torch.cat([*shown, *drawn]), sheet)
    return rows


def overlap(first: Tensor, second: Tensor) -> float:
    """Mean intersection over union of masks [V, 1, H, W], over views that show the second."""
    both, either = ((op(first, second)).sum((1, 2, 3)) for op in (torch.logical_and, torch.logical_or))
    counted = second.sum((1, 2, 3)) >= LEAST
    return float((both[counted] / either[counted]).mean())


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--people", type=int, default=3, help="people for each part")
    options.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--sheet", type=Path, help="a picture of every part's first person")
    given = options.parse_args()
    generator = itp.load_generator("pocket")
    table = Table(given.out / "region.csv", weights_hash(generator)[:12])
    views, strips = cameras.grid(YAWS, PITCHES).float(), []
    for name in given.parts:
        for place, (seed, z) in enumerate(people(PARTS[name], given.people)):
            unit = f"{name}-{seed}"
            if table.has(unit=unit):
                continue
            strip = given.sheet.with_name(f"{name}.png") if given.sheet and place == 0 else None
            strips += [strip] if strip else []
            table.add(unit, measure(generator, name, seed, z, views, strip))
            print("\n".join(str(row) for row in table.rows[-len(PAINTED) :]), flush=True)
    if given.sheet:
        save_sheet(strips, given.sheet)
    columns = {
        "iou": ".3f", "inside": ".3f", "outside_psnr": ".1f", "inside_true": ".3f", "free": ".3f",
        "arrives": ".2f",
    }  # fmt: skip
    for count in PAINTED:
        rows = table.where(painted=count)
        print(f"painted from {count}")
        print("\n".join(lines(rows, "part", columns)))
        print(
            "  all parts: "
            + ", ".join(f"{k} {np.mean([float(r[k]) for r in rows]):{f}}" for k, f in columns.items())
        )


if __name__ == "__main__":
    with torch.no_grad():
        main()
