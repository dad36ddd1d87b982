"""How latents and CLIP's view of people go together: measured once per generator and CLIP.

That of the embedded generator and guide is shipped (`pocket/weights/relevance.safetensors`), so that their
edits take a moment; `python -m itportrait_core.pocket.training.relevance` makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoints import embedded
from ...errors import DamagedFile
from ...guidance.clip import ClipModel
from ...networks.generator3d import Generator3D
from ...rendering import cameras
from ..shared.lineage import weights_hash
from ..shared.passes import draw_latents, render_each
from ..shared.storage import read_tensors, write_tensors
from ..shared.trainable import device_of

KIND = "relevance"
SIDE = 32
"""Side of the neural rendering of the people; CLIP sees them no better with more."""
OnPerson = Callable[[int, int], None]
"""Called with people done and people in all; raising from it stops the measurement."""


@dataclass(frozen=True)
class Relevance:
    """Covariances over people: of latents, of unit embeddings of their pictures, and between both."""

    latents: Tensor
    """[w_dim, w_dim]"""
    embeddings: Tensor
    """[D, D]"""
    between: Tensor
    """[w_dim, D]"""

    def latent_step(self, direction: Tensor) -> Tensor:
        """[w_dim]: how far latents lie from the mean, on average, where the embedding lies one standard
        deviation along `direction` [D]: `C_we d / sqrt(d C_e d)`."""
        to = direction.to(self.between)
        return self.between @ to / (to @ self.embeddings @ to).clamp_min(1e-12).sqrt()

    def save(self, path: str | Path, facts: dict[str, Any] | None = None) -> Path:
        """Write a safetensors file; atomic. `facts`: of what it is, from `facts_of`."""
        tensors = {item.name: getattr(self, item.name) for item in fields(self)}
        return write_tensors(path, KIND, tensors, facts or {})

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> Relevance:
        """Read a file written by `save`.

        Raises:
            ITPortraitError: for a missing, damaged or foreign file.
        """
        return cls._checked(path, read_tensors(path, KIND)[0], device)

    @classmethod
    def _checked(cls, path: str | Path, tensors: dict[str, Tensor], device: torch.device | str) -> Relevance:
        if set(tensors) != {item.name for item in fields(cls)}:
            raise DamagedFile(f"{path} is damaged: it holds {sorted(tensors)}; delete it.")
        latents, embeddings, between = (tensors[item.name] for item in fields(cls))
        good = latents.ndim == embeddings.ndim == between.ndim == 2 and between.is_floating_point()
        sides = (len(latents),) * 2, (len(embeddings),) * 2, (len(latents), len(embeddings))
        if not good or (latents.shape, embeddings.shape, between.shape) != sides:
            raise DamagedFile(f"{path} is damaged: its tensors do not fit each other; delete it.")
        return cls(**{name: tensor.float().to(device) for name, tensor in tensors.items()})


def facts_of(generator: Generator3D, clip: ClipModel, people: int, seed: int) -> dict[str, Any]:
    """What a measurement depends on: hashes of the weights, and the people."""
    hashed = {"generator": weights_hash(generator), "clip": weights_hash(clip)}
    return {**hashed, "people": people, "seed": seed}


def shipped_relevance(generator: Generator3D, clip: ClipModel, people: int, seed: int) -> Relevance | None:
    """The measurement that comes with the pack, where it is of these weights and people; else None."""
    if not embedded.exists(KIND):
        return None
    file = embedded.path(KIND)
    tensors, facts = read_tensors(file, KIND)
    if facts != facts_of(generator, clip, people, seed):
        return None
    return Relevance._checked(file, tensors, device_of(generator))


@torch.no_grad()
def measure_relevance(
    generator: Generator3D, clip: ClipModel, people: int, seed: int, on_person: OnPerson | None = None
) -> Relevance:
    """Draw people from the front and show them to CLIP.

    Args:
        generator: frozen; the base of the styles that are to be edited.
        people: how many; the direction of a text by 512 has a cosine of 0.95 to that by 750 others.
    """
    ws = draw_latents(generator, people, torch.Generator().manual_seed(seed))
    camera, embeddings = cameras.front().to(ws), []
    for index, one in enumerate(ws.split(1)):
        embeddings.append(clip.encode_image(render_each(generator, one, camera, side=SIDE)[0].image))
        if on_person is not None:
            on_person(index + 1, people)
    w, e = ws[:, 0] - ws[:, 0].mean(dim=0), torch.cat(embeddings)
    e = e - e.mean(dim=0)
    return Relevance(w.T @ w / people, e.T @ e / people, w.T @ e / people)
