"""Table 2 on portraits whose truth is known: `python -m benchmarks.inversion`.

Every art portrait is inverted twice, with the pose of its photo twin and with a random one ("without pose
initialisation"), and each inversion is then tuned. Beside the paper's columns stand what no paper can
measure: pose error, depth error, and side views against the true pictures from +-30 degrees.

Rows are written as they are made, so a run that was cut goes on where it stopped. Writes
`benchmarks/results/inversion.csv` and a picture sheet, and prints the means, the ratios and the goals. The
second part, steps against quality, is `python -m benchmarks.inversion_curve`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.art_portraits import ART, Sitter, judge, sitters
from benchmarks.table import Row, Table, mean, save_sheet, save_strip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.configs import InversionConfig, TuningConfig, suited
from itportrait_core.methods.inversion.photo_prior import load_photo_prior
from itportrait_core.methods.shared.lineage import run_identity
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.rendering import cameras

RESULTS = Path(__file__).parent / "results"
WORK = Path(".cache") / "benchmarks" / "inversion"
ARMS = ("twin", "random")
STAGES = ("inverted", "tuned")
SOUND = 8.0
"""Pose errors below so many degrees are sound."""
COLUMNS = (
    "mse", "ssim", "psnr", "lpips", "id", "pose_error", "depth_error", "novel_psnr", "novel_lpips",
)  # fmt: skip


class Bench:
    """The networks and settings that all portraits share."""

    def __init__(self, inversion_steps: int = 0, tuning_steps: int = 0) -> None:
        """0 steps: the settings' own."""
        self.generator = itp.load_generator("pocket")
        self.prior, self.metric = load_photo_prior("pocket"), load_perceptual()
        self.inversion = suited(InversionConfig, self.generator)
        self.tuning = suited(TuningConfig, self.generator)
        if inversion_steps:
            self.inversion = self.inversion.replace(steps=inversion_steps)
        if tuning_steps:
            self.tuning = self.tuning.replace(steps=tuning_steps)

    def run_name(self) -> str:
        """Eight digits for everything that the numbers depend on."""
        networks = [self.generator, *self.prior.networks(), self.metric]
        return "r" + run_identity(networks=networks, settings=[self.inversion, self.tuning])[:8]

    def invert(
        self, people: list[Sitter], config: InversionConfig, point: Path | None = None
    ) -> list[Portrait]:
        """All people in one run with a resume point; `pose_init="user"` starts from the true pose."""
        return itp.invert_batch(
            self.generator, [sitter.picture for sitter in people], self.prior, config,
            cameras_given=[sitter.camera for sitter in people], perceptual=self.metric, resume=point,
        )  # fmt: skip

    def numbers(
        self, portrait: Portrait, sitter: Sitter, generator: nn.Module | None = None
    ) -> dict[str, float]:
        """The judged columns; of the untuned generator where none is given."""
        assert self.prior.identity is not None  # the embedded prior has one
        return judge(generator or self.generator, portrait, sitter, self.metric, self.prior.identity)

    def rows(self, sitter: Sitter, arm: str, portrait: Portrait) -> tuple[list[Row], Tensor]:
        """The rows before and after tuning; pictures [4, 3, H, W]: each from its pose and the side."""
        facts = portrait.report
        first = cameras.orbit(*(facts[f"first_{name}"] for name in ("yaw", "pitch", "roll"))).float()
        rows, pictures, generator = [], [], self.generator
        for stage in STAGES:
            start = time.process_time()
            if stage == "tuned":
                generator = itp.pivotal_tune(
                    self.generator, portrait, config=self.tuning, perceptual=self.metric
                )
            numbers = self.numbers(portrait, sitter, generator)
            steps = facts["steps"] if stage == "inverted" else len(generator.history)
            rows.append({
                "style": sitter.style, "person": sitter.person, "pose_init": arm, "stage": stage, **numbers,
                "first_pose_error": float(cameras.rotation_difference_deg(first, sitter.camera)),
                "steps": steps, "cpu_seconds": time.process_time() - start,
                "warnings": len(facts["warnings"]),
            })  # fmt: skip
            with torch.no_grad():
                views = torch.cat([portrait.camera, sitter.side_cameras[1:]])
                pictures.append(generator.synthesis(portrait.ws.repeat(2, 1, 1), views).image.clamp(-1, 1))
        return rows, torch.cat(pictures)


def fill(bench: Bench, table: Table, styles: list[str], count: int, work: Path) -> None:
    """Make every row that the table lacks."""
    work.mkdir(parents=True, exist_ok=True)
    for style in styles:
        people = sitters(style, count)
        for arm in ARMS:
            missing = [p for p in people if not table.has(style=style, person=p.person, pose_init=arm)]
            if not missing:
                continue
            files = {p.person: work / f"{table.version}-{style}-{p.person}-{arm}.safetensors" for p in people}
            unknown = [p for p in missing if not files[p.person].is_file()]
            if unknown:
                start = time.process_time()
                point = work / f"{table.version}-{style}-{arm}.resume.safetensors"
                config = bench.inversion.replace(pose_init=arm, seed=2 + ART.index(style))
                for sitter, portrait in zip(unknown, bench.invert(unknown, config, point), strict=True):
                    portrait.save(files[sitter.person])
                print(f"{style}, {arm}: {len(unknown)} inverted, {time.process_time() - start:.0f} s CPU")
            for sitter in missing:
                portrait = Portrait.load(files[sitter.person])
                rows, pictures = bench.rows(sitter, arm, portrait)
                twin = portrait.image if portrait.twin is None else portrait.twin[:1]
                shown = torch.cat([sitter.picture, twin, pictures, sitter.sides[1:]])
                save_strip(shown, strip_file(rows[0], table, work))
                table.append(rows)
                print("  " + ", ".join(f"{k} {rows[0][k]:.3f}/{rows[1][k]:.3f}" for k in COLUMNS), flush=True)


def summary(table: Table) -> str:
    """Means per arm and stage, then every goal with its number."""
    lines = [f"{'':17}" + "".join(f"{name:>12}" for name in COLUMNS)]
    at: dict[tuple[str, str], list[Row]] = {
        (arm, stage): table.where(pose_init=arm, stage=stage) for arm in ARMS for stage in STAGES
    }
    for (arm, stage), rows in at.items():
        means = "".join(f"{mean(rows, name):12.4f}" for name in COLUMNS)
        lines.append(f"{arm:8}{stage:9}{means}")
    ours, theirs, tuned = at["twin", "inverted"], at["random", "inverted"], at["twin", "tuned"]
    errors = sorted(float(row["pose_error"]) for row in ours)
    sound = sum(error < SOUND for error in errors)
    first = sorted(float(row["first_pose_error"]) for row in ours)
    both = [(arm, stage) for stage in STAGES for arm in ARMS]
    times = [mean(at[b], "mse") / mean(at[a], "mse") for a, b in (both[:2], both[2:])]
    less = 1 - mean(ours, "novel_lpips") / mean(theirs, "novel_lpips")
    lines += [
        f"median pose error {errors[len(errors) // 2]:.2f} degrees (goal 3), of the twin alone"
        f" {first[len(first) // 2]:.2f}; sound {sound} of {len(errors)} (goal 28 of 30)",
        f"MSE without pose initialisation / with: {times[0]:.1f} inverted, {times[1]:.1f} tuned (goal 10)",
        f"side views' LPIPS {less:.0%} lower than without (goal 40 %)",
        f"ID {mean(ours, 'id'):.3f} inverted, {mean(tuned, 'id'):.3f} tuned (goal 0.8)",
        f"after tuning PSNR {mean(tuned, 'psnr'):.2f} dB (goal 27), side views"
        f" {mean(tuned, 'novel_psnr') - mean(ours, 'novel_psnr'):+.2f} dB (goal: no worse)",
    ]
    return "\n".join(lines)


def strip_file(row: Row, table: Table, work: Path) -> Path:
    """Pictures of a portrait and arm: art, twin, inverted, its side view, tuned, its side view, true side."""
    return work / f"{table.version}-{row['style']}-{row['person']}-{row['pose_init']}.png"


def sheet_strips(table: Table, work: Path, people: int = 2) -> list[Path]:
    """Strips of the first `people` of each style; those without pose initialisation stand below."""
    rows = table.where(stage="inverted")
    return [strip_file(row, table, work) for row in rows if row["person"] < people]


def main() -> None:
    """Fill the table and say what it shows."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--styles", nargs="*", choices=ART, default=list(ART), help="default: all eight")
    options.add_argument("--people", type=int, default=5, help="portraits per style")
    options.add_argument("--steps", type=int, default=0, help="of an inversion; 0: the settings' own")
    options.add_argument("--tuning-steps", type=int, default=0, help="most; 0: the settings' own")
    options.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--work", type=Path, default=WORK, help="folder of unfinished runs")
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    bench = Bench(given.steps, given.tuning_steps)
    table = Table(given.out / "inversion.csv", bench.run_name())
    fill(bench, table, given.styles, given.people, given.work)
    save_sheet(sheet_strips(table, given.work), given.out / "inversion.jpg")
    print(summary(table))


if __name__ == "__main__":
    main()
