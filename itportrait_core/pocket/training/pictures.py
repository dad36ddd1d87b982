"""Sets of rendered portraits, kept on disk as 8-bit pictures so that no training renders the same head
twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..attributes import attributes
from ..latents import normalise
from ..styles import RandomStyle
from . import photo_truth
from .in_order import in_order

Part = Callable[[], Tensor]
"""Renders some pictures of a set."""
SIZE = 128  # pixels
CHUNK = 64  # pictures rendered at once
RENDERER = (
    "attributes", "heads", "surfaces", "wardrobe", "paint",
    "light", "tracing", "styles", "palettes", "render",
)  # fmt: skip
"""Modules of the renderer: when one changes, sets are rendered anew."""
CACHE = "ITPORTRAIT_TRAINING_CACHE"
"""Environment variable that names the folder of rendered sets; default `.cache/training` under the working
folder.
"""
SMALL = 64  # pixels
SMALL_PHOTOS, LARGE_PHOTOS = 6000, 1600
TRAINING_SEED = 1
HELD_OUT_SEED = 90001
"""Seed of the people that only evaluations see."""


@dataclass(frozen=True)
class PictureSet:
    """Pictures with the latents that they show."""

    latents: Tensor  # [N, PHOTO_Z_DIM], normalised: attributes and pose (photo_truth)
    cameras: Tensor  # [N, 25]
    pixels: np.ndarray  # [N, 3, S, S] uint8, memory-mapped

    def __len__(self) -> int:
        return len(self.latents)

    def images(self, index: Tensor | Sequence[int] | slice, size: int | None = None) -> Tensor:
        """Pictures `[B, 3, S, S]` in [-1, 1]; reduced by averaging to `size`, a divisor of S."""
        image = chosen(self.pixels, index)
        return image if size is None else F.avg_pool2d(image, image.shape[-1] // size)


def cache_folder() -> Path:
    """Where rendered sets are kept."""
    return Path(os.environ.get(CACHE) or Path(".cache") / "training")


def renderer_sources(modules: Sequence[str] = RENDERER) -> bytes:
    """The texts of the renderer's modules, which a fingerprint of rendered pictures covers.

    Fingerprints rest on the order, and names of stored sets on them: styled sets take the modules as they are
    listed, picture sets by the alphabet.
    """
    folder = Path(__file__).parents[1]
    return b"".join((folder / f"{name}.py").read_bytes() for name in modules)


def picture_set(
    name: str,
    latents: Tensor,
    style: str | Callable[[int], RandomStyle] = "photo",
    *,
    size: int = SIZE,
    supersample: int = 1,
    folder: Path | None = None,
) -> PictureSet:
    """The pictures of normalised latents, rendered once and then read from disk.

    Args:
        name: of the set; part of the file name.
        latents: `[N, PHOTO_Z_DIM]` as `latents.normalise` gives them.
        style: name of a style, or a function from the first index of a chunk to the chunk's random style.
        size: side in pixels.
        supersample: rays per pixel side; 1 costs a quarter of 2, which tests use.
        folder: of the files; None for `cache_folder()`.

    The file name carries a hash of the latents and of the renderer's source: a changed renderer renders anew.
    """
    labels = photo_truth.camera_of(latents)
    file = (folder or cache_folder()) / f"{name}-{_fingerprint(latents, size, supersample)}.npy"

    def parts() -> Iterator[Part]:
        from ..render import render  # compiles its kernels: only where pictures are made

        people = attributes(latents[:, : photo_truth.Z_DIM])

        def part(first: int) -> Tensor:
            here = slice(first, first + CHUNK)
            look = style if isinstance(style, str) else style(first)
            return render(people[here], labels[here], look, size, supersample=supersample).image

        return (partial(part, first) for first in range(0, len(latents), CHUNK))

    return PictureSet(latents, labels, rendered(file, len(latents), size, parts))


def photo_set(count: int, seed: int, size: int = SIZE, supersample: int = 1) -> PictureSet:
    """Photos of `count` random people from random sides."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(count, photo_truth.PHOTO_Z_DIM, generator=rng)
    return picture_set(f"photo-{seed}", normalise(z), size=size, supersample=supersample)


def training_photos(size: int) -> PictureSet:
    """Photos of `SIZE` or `SMALL` pixels that networks learn from: of the cheap small ones there are more."""
    count = LARGE_PHOTOS if size == SIZE else SMALL_PHOTOS
    return photo_set(count, TRAINING_SEED + size, size)


def rendered(file: Path, count: int, size: int, parts: Callable[[], Iterator[Part]]) -> np.ndarray:
    """Pictures `[count, 3, size, size]` uint8 of a file, mapped into memory.

    Args:
        file: its name tells all that the pictures depend on.
        parts: in order, functions that render them `[B, 3, size, size]` in [-1, 1], on torch's number of
            threads; asked where the file is not there.
    """
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft, done = file.with_suffix(".part.npy"), 0
        pixels = np.lib.format.open_memmap(draft, "w+", np.uint8, (count, 3, size, size))
        threads = torch.get_num_threads()
        for part in in_order(parts(), threads, 2 * threads):
            quantised = (part * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
            pixels[done : done + len(part)] = quantised.numpy()
            done += len(part)
            print(f"\rrendering {file.stem}: {done} of {count}", end="", flush=True)
        print()
        pixels.flush()
        os.replace(draft, file)
    return np.load(file, mmap_mode="r")


def unit(pixels: Tensor) -> Tensor:
    """Bytes as floats in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def chosen(pixels: np.ndarray, index: Tensor | Sequence[int] | slice) -> Tensor:
    """Some pictures `[B, 3, S, S]` in [-1, 1] of a set `[N, 3, S, S]` of bytes."""
    some = pixels[index if isinstance(index, slice) else np.asarray(index)]
    return unit(torch.from_numpy(np.ascontiguousarray(some)))


def _fingerprint(latents: Tensor, *sizes: int) -> str:
    digest = hashlib.sha256(latents.numpy().tobytes() + bytes(sizes))
    digest.update(renderer_sources(sorted(RENDERER)))
    return digest.hexdigest()[:12]
