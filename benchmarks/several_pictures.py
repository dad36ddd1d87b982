"""Three photos of one person against one: `python -m benchmarks.several_pictures`.

Drawn people of the embedded family, as photos or in a style, from the front and from +-30 degrees. Each is
inverted and tuned from the front photo alone, and from the three together. Judged with the true cameras: the
front, the sides at +-30 degrees, which two of the three photos show, and views that no photo shows, between
(+-15) and beyond (+-45). The columns `turned` are of cameras that go with the pose at which the front photo
was found, whose error alone costs some decibel. `photos` is how near the photos are met at their own poses.

Rows are written as they are made, so a run that was cut goes on where it stopped. Writes
`benchmarks/results/several_pictures.csv` and a picture sheet, and prints means and the goal.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.inversion import RESULTS, Bench
from benchmarks.table import Row, Table, mean, save_sheet, save_strip
from itportrait_core.guidance.metrics import compare
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.networks.camera import Camera
from itportrait_core.pocket.attributes import Z_DIM, attributes
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.render import render
from itportrait_core.pocket.styles import STYLES
from itportrait_core.rendering import cameras

FIRST_SEED = 990_001
"""Seed of the first person; trainings and other benchmarks draw theirs elsewhere."""
ARMS = {"one": (0.0,), "three": (0.0, 30.0, -30.0)}
"""Yaw of the photos, degrees."""
VIEWS = {"front": (0.0,), "side": (30.0, -30.0), "between": (15.0, -15.0), "beyond": (45.0, -45.0)}
"""Yaw of the views that are judged, degrees."""
GOAL = 3.0
"""Decibel that the side views of three photos are to gain on those of one."""
WORK = Path(".cache") / "benchmarks" / "several_pictures"


@dataclass(frozen=True)
class Sitter:
    """One drawn person in one style: `photo(yaws)` is the truth from any side."""

    style: str
    person: int

    def photo(self, yaws: tuple[float, ...]) -> Tensor:
        """[N, 3, 128, 128] in [-1, 1]."""
        rng = torch.Generator().manual_seed(FIRST_SEED + self.person)
        people = attributes(normalise(torch.randn(1, Z_DIM, generator=rng)))
        return render(people, views(yaws), self.style).image


def views(yaws: tuple[float, ...]) -> Tensor:
    """Labels [N, 25]."""
    return cameras.orbit(list(yaws), 0.0).float()


def turned(labels: Tensor, portrait: Portrait) -> Tensor:
    """Cameras moved with the front photo's from where it was made to where the inversion found it."""
    found, true = Camera(portrait.camera).cam2world[0], Camera(views((0.0,))).cam2world[0]
    moved = found @ torch.linalg.inv(true) @ Camera(labels).cam2world
    return torch.cat([moved.flatten(1), labels[:, 16:]], dim=1)


def numbers(bench: Bench, generator: nn.Module, portrait: Portrait, sitter: Sitter) -> Row:
    """PSNR and LPIPS of every kind of view: by the true cameras, and by those that go with the found pose."""
    row: Row = {}
    with torch.no_grad():
        planes = generator.planes(portrait.ws)
        for name, yaws in VIEWS.items():
            for kind, labels in (("", views(yaws)), ("_turned", turned(views(yaws), portrait))):
                drawn = [generator.render(planes, portrait.ws, label).image for label in labels.split(1)]
                told = compare(torch.cat(drawn), sitter.photo(yaws), bench.metric)
                row |= {f"{name}{kind}_psnr": told["psnr"], f"{name}{kind}_lpips": told["lpips"]}
        drawn = [generator.render(planes, portrait.ws, label).image for label in portrait.cameras.split(1)]
        row["photos_psnr"] = compare(torch.cat(drawn), portrait.images)["psnr"]
    return row


def strip(generator: nn.Module, portrait: Portrait) -> Tensor:
    """From the front and both sides."""
    with torch.no_grad():
        planes = generator.planes(portrait.ws)
        drawn = [
            generator.render(planes, portrait.ws, label).image for label in views(ARMS["three"]).split(1)
        ]
    return torch.cat(drawn).clamp(-1, 1)


def fill(bench: Bench, table: Table, sitters: list[Sitter], work: Path) -> None:
    """Make every row that the table lacks."""
    for sitter in sitters:
        for arm, yaws in ARMS.items():
            if table.has(**vars(sitter), arm=arm):
                continue
            start = time.process_time()
            portrait = itp.invert(
                bench.generator, list(sitter.photo(yaws).split(1)), bench.prior,
                bench.inversion.replace(pose_init="twin"), perceptual=bench.metric,
            )  # fmt: skip
            inverted = time.process_time() - start
            tuned = itp.pivotal_tune(bench.generator, portrait, bench.tuning, perceptual=bench.metric)
            turn = cameras.rotation_difference_deg(portrait.cameras, views(yaws))
            known = {**vars(sitter), "arm": arm, "pose_error": float(turn.mean())}
            seconds = {"inverted": inverted, "tuned": time.process_time() - start - inverted}
            steps = {"inverted": portrait.report["steps"], "tuned": len(tuned.history)}
            rows = [
                {**known, "stage": stage, **numbers(bench, generator, portrait, sitter),
                 "steps": steps[stage], "cpu_seconds": seconds[stage]}
                for stage, generator in (("inverted", bench.generator), ("tuned", tuned))
            ]  # fmt: skip
            save_strip(
                torch.cat([sitter.photo(ARMS["three"]), strip(tuned, portrait)]),
                file_of(rows[0], table, work),
            )
            table.append(rows)
            print(summary(table, sitter.style), flush=True)


def file_of(row: Row, table: Table, work: Path) -> Path:
    """The three photos, and the tuned head from the same sides."""
    return work / f"{table.version}-{row['style']}-{row['person']}-{row['arm']}.png"


def summary(table: Table, style: str) -> str:
    """Means per arm and stage in one style, and the goal."""
    kinds = [f"{name}{kind}" for kind in ("", "_turned") for name in VIEWS]
    names = [*(f"{kind}_psnr" for kind in kinds), "photos_psnr", "side_lpips", "pose_error", "cpu_seconds"]
    rows = {
        (arm, stage): table.where(style=style, arm=arm, stage=stage)
        for arm in ARMS
        for stage in ("inverted", "tuned")
    }
    lines = [" ".join([f"{style:26}", *(f"{arm + ' ' + stage:>15}" for arm, stage in rows)])]
    for name in names:
        lines.append(" ".join([f"{name:26}", *(f"{mean(some, name):15.3f}" for some in rows.values())]))
    one, three = (mean(rows[arm, "tuned"], "side_psnr") for arm in ARMS)
    lines.append(f"side views after tuning: {three - one:+.2f} dB (goal {GOAL:+.0f})")
    return "\n".join(lines)


def main() -> None:
    """Fill the table and say what it shows."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--styles", nargs="*", choices=list(STYLES), default=["photo"])
    options.add_argument("--people", type=int, default=4, help="of each style")
    options.add_argument("--steps", type=int, default=0, help="of an inversion; 0: the settings' own")
    options.add_argument("--tuning-steps", type=int, default=0, help="most; 0: the settings' own")
    options.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--work", type=Path, default=WORK, help="folder of the pictures")
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    bench = Bench(given.steps, given.tuning_steps)
    table = Table(given.out / "several_pictures.csv", bench.run_name())
    sitters = [Sitter(style, person) for style in given.styles for person in range(given.people)]
    fill(bench, table, sitters, given.work)
    made = [row for row in table.rows if row["stage"] == "tuned"]
    save_sheet([file_of(row, table, given.work) for row in made], given.out / "several_pictures.jpg")
    for style in given.styles:
        print(summary(table, style))


if __name__ == "__main__":
    main()
