"""`python -m itportrait_core train NAME`: train one network of the pocket family, or `all` of them."""

from __future__ import annotations

import argparse
import importlib
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...errors import ITPortraitError

NAMES = ("encoder", "generator", "identity", "perceptual", "photo", "pose", "style_code", "style_prior")
TRAINERS = {name: (f".{name}", "train") for name in NAMES}
TRAINERS |= {f"clip_{name}": (".clip", f"train_{name}") for name in ("guide", "judge")}
"""Network -> module and its `train(folder, *, minutes, seed, device)`; writes `folder/NAME.safetensors`."""
ALL = "all"

CONTINUED = ("encoder", "generator")
"""Networks that can begin with trained weights."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("name", choices=[ALL, *sorted(TRAINERS)], help="the network, or all in order")
    parser.add_argument(
        "--minutes", type=float, default=None, help="time budget, of all together; default: as was shipped"
    )
    parser.add_argument(
        "--begin", type=Path, default=None, help=f"weights to begin with; for {' and '.join(CONTINUED)}"
    )
    parser.add_argument(
        "--without", nargs="+", default=[], choices=sorted(TRAINERS), help="networks that `all` leaves out"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the run")
    parser.add_argument("--device", default="cpu", help='"cpu" or "cuda"')
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("pocket_weights"),
        help="folder of the weights and of the resume point",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, or continue training where a resume point lies in the folder; returns the exit status."""
    _check(arguments)
    torch.set_flush_denormal(True)  # gradients hold many numbers so small that a CPU slows down on them
    try:
        if arguments.name == ALL:
            _run_all(arguments)
        else:
            _train(arguments, arguments.name, arguments.minutes)
    except KeyboardInterrupt:
        print(f"\nStopped. It goes on by the same command:\n  {_again(arguments)}")
        return INTERRUPTED
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.begin is not None and arguments.name not in CONTINUED:
        raise ITPortraitError(
            f"--begin is for {' and '.join(CONTINUED)}; {arguments.name} starts from nothing."
        )
    if arguments.without and arguments.name != ALL:
        raise ITPortraitError(f"--without is for `train {ALL}`; {arguments.name} is one network.")
    if arguments.minutes is not None and not arguments.minutes > 0:
        raise ITPortraitError(f"--minutes is {arguments.minutes:g}; it must be above 0.")
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        raise ITPortraitError(
            f"--device is {arguments.device}, but torch {torch.__version__} finds no card; leave it out to "
            "train on the CPU."
        )


def _train(arguments: argparse.Namespace, name: str, minutes: float | None) -> None:
    module, train = TRAINERS[name]
    trainer = importlib.import_module(module, __package__)
    options: dict[str, Any] = {"seed": arguments.seed, "device": arguments.device}
    if arguments.begin is not None:
        options["begin"] = arguments.begin
    if minutes is not None:
        options["minutes"] = minutes
    getattr(trainer, train)(arguments.out, **options)


def _run_all(arguments: argparse.Namespace) -> None:
    from . import family

    train = partial(_train, arguments)
    family.train_all(arguments.out, arguments.minutes, arguments.without, train)
    print(family.what_next(arguments.out))


def _again(arguments: argparse.Namespace) -> str:
    """The command that was given, with what differs from the defaults."""
    words = ["python", "-m", "itportrait_core", "train", arguments.name]
    for name in ("minutes", "begin", "seed", "device", "out"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name}", f"{value:g}" if name == "minutes" else str(value)]
    words += ["--without", *arguments.without] if arguments.without else []
    return shlex.join(words)
