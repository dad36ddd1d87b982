"""Sets of rendered portraits, kept on disk as 8-bit pictures so that no training renders the same head
twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..attributes import attributes
from . import photo_truth

SIZE = 128  # pixels
CHUNK = 64  # pictures rendered at once
CACHE = "ITPORTRAIT_TRAINING_CACHE"
"""Environment variable that names the folder of rendered sets; default `.cache/training` under the working
folder.
"""


@dataclass(frozen=True)
class PictureSet:
    """Pictures with the latents that they show."""

    latents: Tensor  # [N, PHOTO_Z_DIM], normalised: attributes and pose (photo_truth)
    cameras: Tensor  # [N, 25]
    pixels: np.ndarray  # [N, 3, SIZE, SIZE] uint8, memory-mapped

    def __len__(self) -> int:
        return len(self.latents)

    def images(self, index: Tensor | Sequence[int] | slice) -> Tensor:
        """Pictures `[B, 3, SIZE, SIZE]` in [-1, 1]."""
        chosen = self.pixels[index if isinstance(index, slice) else np.asarray(index)]
        return torch.from_numpy(np.ascontiguousarray(chosen)).float() / 127.5 - 1


def cache_folder() -> Path:
    """Where rendered sets are kept."""
    return Path(os.environ.get(CACHE) or Path(".cache") / "training")


def picture_set(
    name: str, latents: Tensor, styles: Callable[[int, int], object] | None = None, folder: Path | None = None
) -> PictureSet:
    """The pictures of normalised latents, rendered once and then read from disk.

    Args:
        name: of the set; part of the file name.
        latents: `[N, PHOTO_Z_DIM]` as `photo_truth.normalise` or `mixed` give them.
        styles: from the range of a chunk, `(first, last)`, to the style of its pictures; None for photos.
        folder: of the files; None for `cache_folder()`.

    The file name carries a hash of the latents and of the renderer's source: a changed renderer renders anew.
    """
    folder = cache_folder() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    labels = photo_truth.camera_of(latents)
    file = folder / f"{name}-{_fingerprint(latents)}.npy"
    if not file.is_file():
        _render_to(file, latents, labels, styles)
    return PictureSet(latents, labels, np.load(file, mmap_mode="r"))


def photo_set(count: int, seed: int) -> PictureSet:
    """Photos of `count` random people from random sides."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, photo_truth.PHOTO_Z_DIM, generator=generator)
    return picture_set(f"photo-{seed}", photo_truth.normalise(z))


def _render_to(
    file: Path, latents: Tensor, labels: Tensor, styles: Callable[[int, int], object] | None
) -> None:
    from ..render import render  # compiles its kernels: only where pictures are made

    part = file.with_suffix(".part.npy")
    pixels = np.lib.format.open_memmap(part, "w+", np.uint8, (len(latents), 3, SIZE, SIZE))
    people = attributes(latents[:, : photo_truth.Z_DIM])
    for first in range(0, len(latents), CHUNK):
        last = min(first + CHUNK, len(latents))
        style = "photo" if styles is None else styles(first, last)
        image = render(people[slice(first, last)], labels[first:last], style=style, size=SIZE).image
        quantised = (torch.as_tensor(image) * 127.5 + 127.5).round().clamp(0, 255)
        pixels[first:last] = quantised.to(torch.uint8).numpy()
        print(f"\rrendering {file.stem}: {last} of {len(latents)}", end="", flush=True)
    print()
    pixels.flush()
    os.replace(part, file)


def _fingerprint(latents: Tensor) -> str:
    digest = hashlib.sha256(latents.numpy().tobytes())
    sources = Path(__file__).parent.parent
    for source in sorted(sources.glob("*.py")):
        if source.name not in ("held_out.py", "weights.py", "__init__.py"):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
