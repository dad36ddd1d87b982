"""Writing a trained pocket network as the file that is shipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from ...checkpoints.format import save_model
from .loop import Trainer

LICENSE = "Apache-2.0"
SOURCE = "trained on procedural portraits by itportrait_core.pocket.training"


def settle(module: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Measure the batch statistics of averaged weights anew: the last weights' would bias every output.

    Args:
        module: in eval mode, and so again afterwards.
        inputs: batches as `module` takes them.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in inputs:
            module(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def exporter(
    folder: str | os.PathLike[str],
    family: str,
    part: str | None = None,
    inputs: Callable[[], Iterable[Tensor]] | None = None,
    source: str = SOURCE,
    name: str | None = None,
) -> Callable[[Trainer], None]:
    """An `on_save` of the loop: writes the averaged weights as `folder/NAME.safetensors` in half precision.

    Args:
        folder: of the file.
        family: kind of network, for the header.
        part: name of the submodule to write; None for all.
        inputs: batches to settle batch statistics with, where the network has any.
        source: where the weights come from.
        name: of the file; None for the trainer's.
    """

    def write(trainer: Trainer) -> None:
        if inputs is not None:
            settle(trainer.average, inputs())
        lineage = {
            "seed": trainer.config.seed,
            "steps": trainer.step,
            "minutes": round(trainer.elapsed / 60, 1),
        }
        file = Path(folder) / f"{name or trainer.name}.safetensors"
        save_model(
            trainer.average if part is None else getattr(trainer.average, part),
            file,
            family=family,
            lineage=lineage,
            license=LICENSE,
            source=source,
            dtype=torch.float16,
        )

    return write
