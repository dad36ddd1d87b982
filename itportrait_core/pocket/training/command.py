"""`python -m itportrait_core train NAME`: train one network of the pocket family."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import torch

from ...errors import ITPortraitError

NAMES = ("encoder", "generator", "identity", "perceptual", "photo", "pose", "style_code", "style_prior")
TRAINERS = {name: (f".{name}", "train") for name in NAMES}
TRAINERS |= {f"clip_{name}": (".clip", f"train_{name}") for name in ("guide", "judge")}
"""Network -> module and its `train(folder, *, minutes, seed, device)`; writes `folder/NAME.safetensors`."""


CONTINUED = ("encoder", "generator")
"""Networks that can begin with trained weights."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("name", choices=sorted(TRAINERS), help="the network")
    parser.add_argument("--minutes", type=float, default=None, help="time budget; default: the network's own")
    parser.add_argument(
        "--begin", type=Path, default=None, help=f"weights to begin with; for {' and '.join(CONTINUED)}"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the run")
    parser.add_argument("--device", default="cpu", help='"cpu" or "cuda"')
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("pocket_weights"),
        help="folder of the weights and of the resume point",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, or continue training where a resume point lies in the folder."""
    torch.set_flush_denormal(True)  # gradients hold many numbers so small that a CPU slows down on them
    module, train = TRAINERS[arguments.name]
    trainer = importlib.import_module(module, __package__)
    options: dict[str, Any] = {"seed": arguments.seed, "device": arguments.device}
    if arguments.begin is not None:
        if arguments.name not in CONTINUED:
            raise ITPortraitError(
                f"--begin is for {' and '.join(CONTINUED)}; {arguments.name} starts from nothing."
            )
        options["begin"] = arguments.begin
    if arguments.minutes is not None:
        options["minutes"] = arguments.minutes
    getattr(trainer, train)(arguments.out, **options)
