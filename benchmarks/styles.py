"""How far does a style picture carry? `python -m benchmarks.styles`: named arts, random looks, a photo.

For every art and sitter the picture is inverted, twice: in the untrained generator and through the style
prior. Then other people are drawn from three sides by

* `g_o`: the untrained generator,
* `instant`: the style prior alone, one pass,
* `apt`: APT as the nodes run it, from the prior,
* `original`: APT as the nodes run it where a generator has no prior (with `--original`).

`own` is the PSNR of the result at the picture's own latent and pose against the picture; `plain` the same
of the untrained generator at its own inversion. `psnr`, `lpips` and `depth` compare other people with
their true styled pictures; LPIPS is by a real AlexNet that guides nothing (`pocket/training/real_lpips.py`).
`style` is the share in which the judge CLIP sees the art, `still` the PSNR to what the untrained
generator draws. A table that was cut off goes on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import itportrait_core as itp
from benchmarks.judging import seen_share
from benchmarks.people import SITTER_VIEW, VIEWS, renders, truth
from benchmarks.table import Table, save_sheet, save_strip
from itportrait_core.guidance.clip import load_clip
from itportrait_core.methods.configs import APTConfig, InversionConfig, suited
from itportrait_core.methods.shared.lineage import run_identity, weights_hash
from itportrait_core.methods.shared.presets import preset_of
from itportrait_core.pocket.attributes import Z_DIM
from itportrait_core.pocket.latents import normalise
from itportrait_core.pocket.looks import WideStyle
from itportrait_core.pocket.styles import STYLES, RandomStyle
from itportrait_core.pocket.training.real_lpips import RealLPIPS

RESULTS = Path(__file__).parent / "results"
CACHE = Path(".cache") / "benchmarks" / "styles"
SITTER_SEED, PEOPLE_SEED = 81001, 82001
"""Latents of those who sit and of the others; trainings draw theirs elsewhere."""
LOOK_SEED = 2**31
"""Random looks from here on; training draws seeds below."""


@dataclass(frozen=True)
class Row:
    """One result on one style picture; means over people and views."""

    art: str
    sitter: int
    arm: str
    own: float
    plain: float
    psnr: float
    lpips: float
    depth: float
    style: float
    still: float
    seconds: float


class Bench:
    """Networks, and what does not depend on the art."""

    def __init__(self, people: int, cache: Path) -> None:
        self.generator, self.prior = itp.load_generator("pocket"), itp.load_photo_prior("pocket")
        self.judge, self.real, self.cache = load_clip("pocket-judge"), RealLPIPS(), cache
        self.people = _latents(people, PEOPLE_SEED)
        self.before = _pictures(self.generator, self.people)
        self.inversion = suited(InversionConfig, self.generator)
        self.apt = suited(APTConfig, self.generator)
        cache.mkdir(parents=True, exist_ok=True)

    def rows(self, art: str, sitter: int, arms: tuple[str, ...]) -> tuple[list[Row], Tensor]:
        """Rows of one style picture, and its strip for the sheet."""
        style = _style(art)
        picture = truth(_latents(1, SITTER_SEED + sitter), style, views=(SITTER_VIEW,)).image
        wanted = truth(self.people, style)
        plain = self._inverted(picture, "none")
        styled = self._inverted(picture, "prior")
        plain_fit = _psnr(self.generator.synthesis(plain.ws, plain.camera).image, picture)
        made: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
            "g_o": lambda: (self.generator, plain),
            "instant": lambda: (itp.instant_style(self.generator, picture), styled),
            "apt": lambda: (itp.stylize(self.generator, styled, self.apt), styled),
            "original": lambda: (
                itp.stylize(self.generator, plain, preset_of(APTConfig, "small")), plain,
            ),
        }  # fmt: skip
        rows, strip = [], [picture, self.before[:3]]
        for arm in arms:
            began = time.process_time()
            result, portrait = made[arm]()
            seconds = time.process_time() - began
            out = renders(result, self.people)
            shown = torch.cat([one.image.clamp(-1, 1) for one in out])
            depth = torch.cat([one.image_depth for one in out])
            own = _psnr(result.synthesis(portrait.ws, portrait.camera).image, picture)
            named = art in STYLES
            seen = seen_share(self.judge, shown, "style", STYLES.index(art)) if named else float("nan")
            rows.append(Row(
                art, sitter, arm, own, plain_fit, _psnr(shown, wanted.image),
                float(self.real(shown, wanted.image).mean()), _depth_error(depth, wanted), seen,
                _psnr(shown, self.before), seconds,
            ))  # fmt: skip
            strip.append(shown[:6])
        return rows, torch.cat([*strip, wanted.image[:6]])

    def _inverted(self, picture: Tensor, style: str) -> Any:
        config = self.inversion.replace(style=style)
        key = run_identity(picture=picture, config=config, base=self.generator)[:20]
        file = self.cache / f"portrait-{key}.safetensors"
        if not file.is_file():
            itp.invert(self.generator, picture, prior=self.prior, config=config).save(file)
        return itp.Portrait.load(file)


def _style(art: str) -> Any:
    """The style of a name: of `STYLES`, `wide-N`, or `random-N`."""
    kind, _, number = art.partition("-")
    if kind == "wide":
        return WideStyle(LOOK_SEED + int(number))
    return RandomStyle(int(number)) if kind == "random" else art


def _latents(count: int, seed: int) -> Tensor:
    return normalise(torch.randn(count, Z_DIM, generator=torch.Generator().manual_seed(seed)))


def _pictures(generator: nn.Module, people: Tensor) -> Tensor:
    return torch.cat([one.image.clamp(-1, 1) for one in renders(generator, people)])


def _psnr(image: Tensor, wanted: Tensor) -> float:
    error = ((image.clamp(-1, 1) - wanted) / 2).square().mean((1, 2, 3))
    return float(-10 * error.log10().mean())


def _depth_error(depth: Tensor, wanted: Any) -> float:
    """Mean absolute error of the side views where the head wholly covers a pixel, world units."""
    side = [k for k in range(len(depth)) if VIEWS[k % len(VIEWS)][0]]
    small = torch.nn.functional.avg_pool2d
    scale = wanted.depth.shape[-1] // depth.shape[-1]
    inside = small(wanted.mask[side], scale) > 0.999
    return float((depth[side] - small(wanted.depth[side], scale)).abs()[inside].mean())


def units(arts: list[str], sitters: int) -> Iterator[tuple[str, int]]:
    """Every art with its first sitter, then with the second, ..."""
    for sitter in range(sitters):
        for art in arts:
            yield art, sitter


def summary(rows: list[dict[str, Any]]) -> str:
    """Means per arm, as shares of the untrained generator's where that says more."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        base = {(r["art"], r["sitter"]): r for r in rows if r["arm"] == "g_o"}
        pairs = [(r, base[r["art"], r["sitter"]]) for r in mine if (r["art"], r["sitter"]) in base]
        fit = torch.tensor([float(r["own"]) for r in mine])
        gain = torch.tensor([float(r["own"]) - float(r["plain"]) for r in mine])
        named = [float(r["style"]) for r in mine if r["art"] in STYLES]
        better = [float(r["psnr"]) - float(b["psnr"]) for r, b in pairs]
        ratio = [float(r["lpips"]) / float(b["lpips"]) for r, b in pairs]
        lines.append(
            f"{arm:9} own {fit.median():.1f} (worst {fit.min():.1f}) dB,"
            f" over plain {gain.median():+.1f} (worst {gain.min():+.1f});"
            f" others {sum(better) / len(better):+.2f} dB,"
            f" LPIPS x {sum(ratio) / len(ratio):.2f} (worst {max(ratio):.2f});"
            f" style seen {sum(named) / max(len(named), 1):.0%}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the arts and write table and sheet."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sitters", type=int, default=1)
    options.add_argument("--people", type=int, default=4, help="other people per result")
    options.add_argument("--looks", type=int, default=8, help="random looks beside the named arts")
    options.add_argument("--original", action="store_true", help="also APT without the style prior")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--cache", type=Path, default=CACHE)
    given = options.parse_args()
    bench = Bench(given.people, given.cache)
    arms = ("g_o", "instant", "apt", *(("original",) if given.original else ()))
    facts = [weights_hash(itp.load_style_prior("pocket")), bench.apt, bench.inversion, given.people, arms]
    version = run_identity(facts=facts, base=bench.generator)[:10]
    table, strips = Table(given.out / "styles.csv", version), []
    arts = [*STYLES, *(f"wide-{n}" for n in range(given.looks))]
    for art, sitter in units(arts, given.sitters):
        strips.append(given.cache / f"{version}-{art}-{sitter}.png")
        if table.has(unit=f"{art}-{sitter}"):
            continue
        with torch.no_grad():
            rows, strip = bench.rows(art, sitter, arms)
        save_strip(strip, strips[-1])
        table.add(f"{art}-{sitter}", rows)
        print(
            art,
            sitter,
            [(r.arm, round(r.own, 1), round(r.psnr, 2), round(r.style, 2)) for r in rows],
            flush=True,
        )
    save_sheet(strips[: len(arts)], given.out / "styles.jpg")
    print(summary(table.rows))


if __name__ == "__main__":
    main()
