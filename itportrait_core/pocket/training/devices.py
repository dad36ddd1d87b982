"""Where a training computes, and how many threads render for it meanwhile."""

from __future__ import annotations

import torch
from torch import nn


def device_of(module: nn.Module) -> torch.device:
    """Where the parameters of a network are."""
    return next(module.parameters()).device


def threads_beside(device: str) -> int:
    """Threads that render while a network learns on `device`: one beside a CPU, which is busy itself.

    Beside a card all processors are free; with one, the card would wait for the next head most of the time.
    """
    return 1 if torch.device(device).type == "cpu" else torch.get_num_threads()
