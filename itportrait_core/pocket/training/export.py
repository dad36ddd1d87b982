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


def exporter(
    folder: str | os.PathLike[str], family: str, part: str | None = None
) -> Callable[[Trainer], None]:
    """An `on_save` of the loop: writes the averaged weights as `folder/NAME.safetensors` in half precision.

    Args:
        part: name of the submodule to write; None for all.
    """

    def write(trainer: Trainer) -> None:
        lineage = {
            "seed": trainer.config.seed,
            "steps": trainer.step,
            "minutes": round(trainer.elapsed / 60, 1),
        }
        file = Path(folder) / f"{trainer.name}.safetensors"
        save_model(
            trainer.average if part is None else getattr(trainer.average, part),
            file,
            family=family,
            lineage=lineage,
            license=LICENSE,
            source=SOURCE,
            dtype=torch.float16,
        )

    return write
