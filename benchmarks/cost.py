"""What full size asks of any graphics card, counted without one: `python -m benchmarks.cost`.

Counts bytes moved, floating-point operations, kernels, host waits and memory of every step with the
official networks on torch's `meta` device (no values, so seconds on one core), and says what a simple model
of a card makes of them. The table is `results/cost.csv`; `tests/core/test_cost.py` keeps it from growing.

The model: a kernel takes as long as the slower of its bytes (at `BANDWIDTH_SHARE` of the card's) and its
operations (at `PEAK_SHARE`). Over a step the host needs `LAUNCH` for each kernel; the slower of both counts.
The shares are usual ones; `LAUNCH` alone is fitted, to `results/full_size.csv` (docs/performance.md).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import open_clip
import torch

from benchmarks.counting import Count, counted, module_bytes
from benchmarks.table import Table
from itportrait_core.guidance.clip import ClipModel
from itportrait_core.guidance.perceptual import Perceptual, Scaled
from itportrait_core.methods.configs import preset
from itportrait_core.methods.couple.ite import ITE
from itportrait_core.methods.inversion.task import InversionTask
from itportrait_core.methods.shared.latent_statistics import LatentStatistics
from itportrait_core.methods.shared.memory import Together
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.methods.shared.trainable import copy_for_training
from itportrait_core.methods.stylize.apt import APT
from itportrait_core.methods.tuning.tune import TuningTask
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.networks.eg3d_config import EG3DConfig

RESULTS = Path(__file__).parent / "results" / "cost.csv"
BANDWIDTH_SHARE, PEAK_SHARE = 0.7, 0.4
LAUNCH = 45e-6
"""Seconds of the host per kernel: Python, autograd and the launch."""


@dataclass(frozen=True)
class Card:
    """What a data sheet says: bytes per second, and operations per second by `Operation.kind`."""

    bandwidth: float
    peak: dict[str, float]


CARDS = {
    "H100": Card(3.35e12, {"conv": 494e12, "matmul": 67e12, "half": 989e12}),
    "H200": Card(4.8e12, {"conv": 494e12, "matmul": 67e12, "half": 989e12}),
    "RTX 4090": Card(1.01e12, {"conv": 82.6e12, "matmul": 82.6e12, "half": 165e12}),
    "RTX 3090": Card(0.936e12, {"conv": 35.6e12, "matmul": 35.6e12, "half": 71e12}),
}
"""Convolutions may use TF32 (torch's default), products of matrices do not."""


@dataclass(frozen=True)
class Cost:
    """One row of the table."""

    step: str
    preset: str
    precision: str
    views: str
    """Whether views with gradients are made "one by one" or "at once"."""
    side: int
    """Of the neural rendering in ITE steps, pixels."""
    gigabytes: float
    teraflop: float
    kernels: int
    waits: int
    peak_gib: float
    """Networks and activations; torch's own reserve comes on top."""
    h100_seconds: float
    h200_seconds: float
    rtx4090_seconds: float
    rtx3090_seconds: float

    @property
    def unit(self) -> str:
        """Name of the row."""
        return f"{self.step}-{self.preset}-{self.precision}-{self.views}-{self.side}"


def device_seconds(count: Count, card: Card) -> float:
    """Seconds that the card computes."""
    total = 0.0
    for op, times in count.operations.items():
        moving = op.bytes / (BANDWIDTH_SHARE * card.bandwidth)
        total += times * max(moving, op.flops / (PEAK_SHARE * card.peak[op.kind]) if op.flops else 0.0)
    return total


def seconds(count: Count, card: Card) -> float:
    """Seconds of a step: the card and the host work side by side, so the slower one counts."""
    return max(device_seconds(count, card), count.kernels * LAUNCH)


class FullSize:
    """The official networks without values, and one step of everything."""

    def __init__(
        self, preset_name: str = "paper", half: bool = False, together: bool = False, side: int = 0
    ) -> None:
        self.preset, self.half, self.side = preset_name, half, side
        self.together = Together(together, together)
        with torch.device("meta"):
            self.generator = EG3DGenerator(EG3DConfig(), seed=None).eval().requires_grad_(False)
            network = open_clip.create_model("ViT-B-32-quickgelu", device="meta")
            self.clip = ClipModel(network, open_clip.get_tokenizer("ViT-B-32"), size=224).to("meta")
            picture = torch.empty(1, 3, 512, 512)
            self.ws, self.camera = torch.empty(1, self.generator.num_ws, 512), torch.empty(1, 25)
            metric = lpips.LPIPS(net="vgg", pretrained=False, lpips=False, pnet_rand=True, verbose=False)
            self.metric = Perceptual(Scaled(metric).to("meta"), "vgg")
        self.portrait = Portrait(self.ws, self.camera, picture)
        self.rng = torch.Generator().manual_seed(1)
        self.generator.superresolution.half = half

    def networks(self, copies: int) -> int:
        """Bytes of the networks that a training holds: the generator `copies` times, LPIPS, CLIP."""
        return copies * module_bytes(self.generator) + module_bytes(self.metric, self.clip)

    def moments(self) -> int:
        """Bytes of Adam's moments of one generator: a count of a first step ends before they are there."""
        return 2 * sum(p.numel() * p.element_size() for p in self.generator.parameters())

    def planes(self) -> Callable[[], Any]:
        """Tri-planes of one latent."""
        return torch.no_grad()(lambda: self.generator.planes(self.ws))

    def view(self) -> Callable[[], Any]:
        """One picture from planes."""
        planes = torch.empty(1, 3, 32, 256, 256, device="meta")
        return torch.no_grad()(lambda: self.generator.render(planes, self.ws, self.camera))

    def apt(self) -> Callable[[], Any]:
        """One APT step."""
        config = preset("apt", self.preset)
        g_s = copy_for_training(self.generator, config.modules)
        task = APT(self.generator, g_s, self.portrait, config, self.metric, self.rng)
        return lambda: task.step(1)

    def ite(self) -> Callable[[], Any]:
        """One ITE step: `batch` people from `views` sides."""
        config = preset("ite", self.preset).replace(calibrate=0.0)
        if self.side:
            config = config.replace(neural_resolution=self.side, fast_share=1.0)
        g_s, g_t = (copy_for_training(self.generator, config.modules) for _ in range(2))
        task = ITE(
            self.generator, g_s, g_t, self.ws, "glasses", [self.clip], config, self.rng,
            self.portrait, self.metric,
        )  # fmt: skip
        task.together = self.together
        return lambda: task.step(1)

    def coupled(self) -> Callable[[], Any]:
        """A coupled round: one APT step and one ITE step."""
        apt, ite = self.apt(), self.ite()
        return lambda: (apt(), ite())

    def inversion(self) -> Callable[[], Any]:
        """One inversion step at full resolution, without an identity network."""
        config = preset("inversion", self.preset).replace(start="mean")
        statistics = LatentStatistics(self.ws, 1.0, self.ws)
        task = InversionTask(
            self.generator, self.portrait.image, self.camera, self.ws, statistics, config, self.metric, None,
            self.rng,
        )  # fmt: skip
        return lambda: task.step(config.steps - 1)

    def tuning(self) -> Callable[[], Any]:
        """One step of pivotal tuning without depth from the side, which every fourth step has."""
        config = preset("tuning", self.preset)
        tuned = copy_for_training(self.generator, config.modules)
        task = TuningTask(self.generator, tuned, self.portrait, config, self.metric, self.rng)
        return lambda: task.step(1)

    def guarded_tuning(self) -> Callable[[], Any]:
        """One step of pivotal tuning with depth from the side."""
        config = preset("tuning", self.preset)
        tuned = copy_for_training(self.generator, config.modules)
        task = TuningTask(self.generator, tuned, self.portrait, config, self.metric, self.rng)
        return lambda: task.step(0)


STEPS: dict[str, tuple[Callable[[FullSize], Callable[[], Any]], int]] = {
    "planes": (FullSize.planes, 1),
    "view": (FullSize.view, 1),
    "inversion step": (FullSize.inversion, 1),
    "tuning step": (FullSize.tuning, 2),
    "tuning step with depth": (FullSize.guarded_tuning, 2),
    "APT step": (FullSize.apt, 2),
    "coupled round": (FullSize.coupled, 3),
}
"""What is counted, and how many copies of the generator it holds."""


def counted_step(full: FullSize, step: str, kernels: bool = False) -> Count:
    """Counts of one step; what is made before it does not count."""
    with counted(kernels):  # numbers that are read meanwhile have to be made up too
        run = STEPS[step][0](full)
        full.planes()()  # filters and other constants of a device are made once
        full.view()()
    with counted(kernels) as found:
        run()
    return found


def count(full: FullSize, step: str, kernels: bool = False) -> Cost:
    """The row of one step. Adam's moments are there from the start, as after the first step."""
    copies = STEPS[step][1]
    moments = full.moments() if copies > 1 and "inversion" not in step else 0
    found = counted_step(full, step, kernels)
    return Cost(
        step, full.preset, "half" if full.half else "float32",
        ("at once" if full.together.trained else "one by one") + (", one pass" if kernels else ""),
        full.side or full.generator.neural_rendering_resolution,
        found.bytes / 1e9, found.flops / 1e12, found.kernels, found.waits,
        (found.peak + full.networks(copies) + moments) / 2**30,
        *(seconds(found, card) for card in CARDS.values()),
    )  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """What is counted how: settings, precision, views at once, side of the neural rendering (0: its own)."""

    preset: str
    half: bool
    together: bool
    side: int
    steps: tuple[str, ...]
    kernels: bool = False
    """Whether kernels in one pass are allowed, which nodes do not."""


ARMS = (
    Arm("recommended", True, True, 0, ("coupled round",)),
    Arm("recommended", True, False, 0, ("view", "APT step", "coupled round")),
    Arm("recommended", True, True, 64, ("coupled round",)),
    Arm("recommended", True, True, 0, ("coupled round",), kernels=True),
    Arm("paper", False, True, 0, ("coupled round",)),
    Arm("paper", False, True, 0, ("coupled round",), kernels=True),
    Arm("paper", False, False, 0, tuple(STEPS)),
)
"""Rows of the table."""


def main() -> None:
    """Count, print, and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--operations", metavar="STEP", help="list the operations of one step instead")
    given = options.parse_args()
    if given.operations:
        for name, moved, kernels in counted_step(FullSize("recommended"), given.operations).by_name():
            print(f"{name:36} {moved / 1e9:9.2f} GB {kernels:6} kernels")
        return
    given.out.unlink(missing_ok=True)
    table = Table(given.out, f"torch {torch.__version__.split('+')[0]}")
    for arm in ARMS:
        full = FullSize(arm.preset, arm.half, arm.together, arm.side)
        for step in arm.steps:
            cost = count(full, step, arm.kernels)
            table.add(cost.unit, [cost])
            print(
                f"{cost.unit:56} {cost.gigabytes:7.1f} GB"
                f" {cost.teraflop:6.2f} TFLOP {cost.kernels:6} kernels {cost.waits:3} waits"
                f" {cost.peak_gib:5.1f} GiB  H100 {cost.h100_seconds:.3f} s"
                f"  RTX 3090 {cost.rtx3090_seconds:.3f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
