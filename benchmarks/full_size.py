"""What full size asks of a graphics card: `python -m benchmarks.full_size --device cuda`.

A few steps of every training, and one picture, with the official networks (EG3D of 512 px, StyleGAN2 and e4e
of 1024 px, IR-SE50, VGG16 and ViT-B/32, random weights) at the default settings. Writes seconds per step and
peak memory in float32 and in half precision, with all rays kept (the baseline) and with `ray_chunk`, and
prints their ratios. Views are made at once where the card has room, as in any other run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import open_clip
import torch
from torch import nn

import itportrait_core as itp
from benchmarks.table import Table
from itportrait_core.guidance.clip import ClipModel
from itportrait_core.guidance.perceptual import random_trunk
from itportrait_core.methods.configs import APTConfig, InversionConfig, ITEConfig, TuningConfig
from itportrait_core.methods.inversion.photo_prior import PhotoPrior
from itportrait_core.methods.inversion.photo_twin import Aligned
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.networks import one_pass
from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator

CHUNK = 4096
"""Rays at once in the arm that saves memory; a 128 px neural rendering has 16384."""
RESULTS = Path(__file__).parent / "results" / "full_size.csv"
GIB = 2**30


@dataclass(frozen=True)
class Cost:
    """One training on one device; memory is 0 on a CPU."""

    device: str
    training: str
    chunk: int
    """`ray_chunk`; 0 keeps all rays."""
    precision: str
    """ "float32", or "half" for the super-resolution."""
    seconds_per_step: float
    peak_gib: float


class FullSize:
    """The official networks with random weights on one device, and what each training is."""

    def __init__(self, device: str, steps: int) -> None:
        self.device, self.steps = device, steps
        self.generator = EG3DGenerator(EG3DConfig()).eval().requires_grad_(False).to(device)
        self.metric = random_trunk(net="vgg").to(device)
        network = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None)
        self.clip = ClipModel(network, open_clip.get_tokenizer("ViT-B-32"), size=224).to(device)
        rng = torch.Generator().manual_seed(0)
        self.picture = torch.rand(1, 3, 512, 512, generator=rng).to(device) * 2 - 1
        sitter = sample_portrait(self.generator, 3)
        self.portrait = Portrait(sitter.ws, sitter.camera, self.picture)

    def prior(self) -> PhotoPrior:
        """The networks of Eq. 3, made only for the training that needs them."""
        parts = (
            StyleGAN2Generator(StyleGAN2Config()), StyleEncoder(StyleEncoderConfig()), PoseNet(PoseConfig()),
            IdentityNet(IdentityConfig()),
        )  # fmt: skip
        networks: list[nn.Module] = [part.eval().requires_grad_(False).to(self.device) for part in parts]
        return PhotoPrior(*networks, frame="ffhq")  # type: ignore[arg-type]

    def invert(self, chunk: int, on_step: Callable[..., None]) -> None:
        """Eq. 3 once, then steps of Eq. 4 with latent and pose."""
        config = InversionConfig(
            steps=self.steps, ray_chunk=chunk, pose_preheat=0, start_samples=8, realign_rounds=0,
            stop_window=0,
        )  # fmt: skip
        picture = Aligned(self.picture, self.picture)
        itp.invert(self.generator, picture, self.prior(), config, on_step, perceptual=self.metric)

    def tune(self, chunk: int, on_step: Callable[..., None]) -> None:
        """Pivotal tuning; depth is compared at every fourth step."""
        config = TuningConfig(steps=self.steps, ray_chunk=chunk, lpips_stop=0.0)
        itp.pivotal_tune(self.generator, self.portrait, config, on_step, perceptual=self.metric)

    def style(self, chunk: int, on_step: Callable[..., None]) -> None:
        """APT."""
        config = APTConfig(steps=self.steps, ray_chunk=chunk)
        itp.stylize(self.generator, self.portrait, config, on_step, perceptual=self.metric)

    def couple(self, chunk: int, on_step: Callable[..., None]) -> None:
        """APT and ITE in turn; the seconds are those of one APT step and one ITE step of three views."""
        config = ITEConfig(steps=2 * self.steps, ray_chunk=chunk, apt=APTConfig(ray_chunk=chunk))

        def rounds(done: int, total: int, info: Any) -> None:
            if done % 2 == 0:
                on_step(done, total, info)

        text = "a person wearing glasses"
        itp.couple(self.generator, self.portrait, text, self.clip, config, rounds, perceptual=self.metric)

    def render(self, chunk: int, on_step: Callable[..., None]) -> None:
        """Pictures of 512 px without gradients."""
        with torch.no_grad():
            for index in range(self.steps):
                self.generator.synthesis(self.portrait.ws, self.portrait.camera, ray_chunk=chunk or None)
                on_step(index + 1, self.steps, None)


TRAININGS: dict[str, Callable[[FullSize, int, Callable[..., None]], None]] = {
    "inversion": FullSize.invert,
    "pivotal tuning": FullSize.tune,
    "APT": FullSize.style,
    "coupled round": FullSize.couple,
    "picture": FullSize.render,
}


def measure(full: FullSize, name: str, chunk: int, half: bool = False) -> tuple[float, float]:
    """Median seconds of a step, the first left out, and the most GiB that were reserved."""
    full.generator.superresolution.half = half
    cuda = full.device.startswith("cuda")
    ends: list[float] = []

    def on_step(*_: Any) -> None:
        if cuda:
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    TRAININGS[name](full, chunk, on_step)
    gaps = [after - before for before, after in zip([start, *ends], ends, strict=False)]
    return median(gaps[1:] or gaps), torch.cuda.max_memory_reserved() / GIB if cuda else 0.0


def told(name: str, kept: Cost, chunked: Cost, half: Cost) -> str:
    """One line on all arms."""
    slower = chunked.seconds_per_step / kept.seconds_per_step
    share = chunked.peak_gib / (kept.peak_gib or 1.0)
    return (
        f"{name}: {kept.seconds_per_step:.3f} s a step, {kept.peak_gib:.1f} GiB; "
        f"by {CHUNK} rays {slower:.2f} times as long, {share:.2f} of the memory; "
        f"in half precision {half.seconds_per_step:.3f} s, {half.peak_gib:.1f} GiB"
    )


def main() -> None:
    """Measure, print, and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--device", default="cpu")
    options.add_argument("--steps", type=int, default=12)
    options.add_argument("--only", choices=sorted(TRAININGS), nargs="+", default=list(TRAININGS))
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument(
        "--one-pass", action="store_true", help="with kernels in one pass, which nodes do not make"
    )
    given = options.parse_args()
    one_pass.allow(given.one_pass)
    cuda = given.device.startswith("cuda")
    name = torch.cuda.get_device_name(given.device) if cuda else given.device
    given.out.unlink(missing_ok=True)  # costs of one run belong together
    version = f"torch {torch.__version__}{', one pass' if given.one_pass else ''}"
    full, table = FullSize(given.device, given.steps), Table(given.out, version)
    print(name, flush=True)
    for training in given.only:
        arms = ((0, False), (CHUNK, False), (0, True))
        rows = [
            Cost(name, training, chunk, "half" if half else "float32", *measure(full, training, chunk, half))
            for chunk, half in arms
        ]
        table.add(f"{name}-{training}", rows)
        print(told(training, *rows), flush=True)


if __name__ == "__main__":
    main()
