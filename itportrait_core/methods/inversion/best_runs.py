"""The best of every run of an inversion: its lowest loss, and what it had then."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_NAMES = {"best_loss": "loss", "best_w": "ws", "best_labels": "labels"}
"""Tensors of a resume point."""


class BestRuns:
    """Of R runs with one latent and N poses each.

    Attributes:
        loss: [R], infinite until a run is kept.
        ws: [R, num_ws, w_dim].
        labels: [N * R, 25], picture after picture.
        code: [R, K], style codes.
    """

    def __init__(self, ws: Tensor, labels: Tensor, code: Tensor) -> None:
        """`code`: [K], the same for all runs."""
        self.loss = torch.full((len(ws),), math.inf, device=labels.device)
        self.ws, self.labels, self.code = ws.detach().clone(), labels.clone(), code.repeat(len(ws), 1)

    def keep(self, loss: Tensor, ws: Tensor, labels: Tensor, code: Tensor | None) -> None:
        """Take over the runs whose loss [R] is lower; `code` [K], or None where it does not move."""
        better = loss < self.loss
        turned = better.repeat(len(labels) // len(better))
        self.loss = torch.where(better, loss, self.loss)
        self.ws = torch.where(better[:, None, None], ws, self.ws)
        self.labels = torch.where(turned[:, None], labels, self.labels)
        if code is not None:
            self.code = torch.where(better[:, None], code, self.code)

    def tensors(self) -> dict[str, Tensor]:
        """For a resume point; without the codes, which are there only where they move."""
        return {name: getattr(self, part) for name, part in _NAMES.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`; of codes too, where there are some."""
        for name, part in (_NAMES | {"best_code": "code"}).items():
            if name in tensors:
                setattr(self, part, tensors[name].to(self.loss.device))
