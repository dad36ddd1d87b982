"""What one step costs on the embedded generator, one thread: `python -m benchmarks.steps`.

Processor seconds of an APT step, a fast and a full ITE step, and one live preview, with and without keeping
clear of denormal numbers (`volume_rendering.FAINTEST`, `triplane.Softplus`); both arms take turns in one run.
The baseline is the arm without. Prints the share of a coupled run that previews take when they come as often
as the nodes let them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

import torch
import torch.nn.functional as F

import itportrait_core as itp
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.configs import ITEConfig, suited
from itportrait_core.methods.couple.ite import ITE
from itportrait_core.methods.couple.tasks import stage_of
from itportrait_core.methods.shared.passes import PreviewStrip
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.shared.trainable import copy_for_training, frozen_copy
from itportrait_core.methods.stylize.apt import APT
from itportrait_core.networks import triplane, volume_rendering

ARMS = ("without", "with")
PREVIEW_PAUSE = 25.0
"""Pause after a preview, in times of what it took (`PREVIEW_SHARE` of nodes/runtime.py)."""


@contextmanager
def arm(name: str) -> Iterator[None]:
    """The renderer as it is, or as the plain equations would be computed."""
    if name == "with":
        yield
        return
    with (
        patch.object(volume_rendering, "MIN_TRANSMITTANCE", 0.0),
        patch.object(triplane.Softplus, "forward", lambda self, x: F.softplus(x)),
    ):
        yield


def pieces(config: ITEConfig) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    base = itp.load_generator("pocket")
    person, rng = sample_portrait(base, 3), torch.Generator().manual_seed(0)
    source, style = frozen_copy(base), copy_for_training(base, config.apt.modules)
    target = copy_for_training(base, config.modules)
    metric = load_perceptual()
    apt = APT(source, style, person, config.apt, metric, rng)
    text, clips = "a person wearing glasses", [load_clip("pocket-guide")]
    fast, full = (
        ITE(source, style, target, person.ws, text, clips, changed, rng, perceptual=metric)
        for changed in (config, config.replace(neural_resolution=0))
    )
    strip = PreviewStrip(source, person.ws)
    return {
        "APT step": lambda: apt.step(0),
        "ITE step, fast": lambda: fast.step(0),
        "ITE step, full": lambda: full.step(0),
        "preview": lambda: strip.show(style, target),
    }


def measure(rounds: int, config: ITEConfig) -> dict[tuple[str, str], float]:
    """Median processor seconds by (piece, arm)."""
    timed = pieces(config)
    seconds: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for side in ARMS:
            with arm(side):
                for name, work in timed.items():
                    start = time.process_time()
                    work()
                    if number:  # the first round warms up
                        seconds.setdefault((name, side), []).append(time.process_time() - start)
    return {key: median(values) for key, values in seconds.items()}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    torch.set_num_threads(1)
    config = suited(ITEConfig, itp.load_generator("pocket"), "coupled")
    found = measure(given.rounds, config)
    names = list(dict.fromkeys(name for name, _ in found))
    for name in names:
        before, after = found[name, "without"], found[name, "with"]
        print(f"{name:15} without {before:.3f} s, with {after:.3f} s: {after / before:.2f} of the baseline")
    stages = [stage_of(config, index) for index in range(config.steps)]
    fast = int(config.fast_share * config.steps)
    for side in ARMS:
        run = stages.count("apt") * found["APT step", side]
        run += stages[:fast].count("ite") * found["ITE step, fast", side]
        run += stages[fast:].count("ite") * found["ITE step, full", side]
        look = found["preview", side]
        count = 1 + int(run / (look * (1 + PREVIEW_PAUSE)))
        share = count * look / (run + count * look)
        print(f"coupled run of {config.steps} steps {side}: {run:.0f} s; {count} previews take {share:.1%}")


if __name__ == "__main__":
    main()
