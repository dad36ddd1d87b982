"""One style picture for each of many random looks, rendered once and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...rendering import cameras
from ..attributes import Z_DIM, attributes
from ..latents import normalise
from ..looks import WideStyle
from ..styles import look_defaults
from .heads_seen import SIZE
from .pictures import Part, cache_folder, chosen, rendered, renderer_sources
from .style_pairs import STYLE_PITCH, STYLE_YAW


class LookPictures:
    """Pictures of random people, each in a look of its own.

    Attributes:
        vectors: [N, L], the looks as numbers.
    """

    def __init__(self, count: int, seed: int) -> None:
        rng = torch.Generator().manual_seed(31337 + seed)
        rows = [_draw(rng) for _ in range(count)]
        self._looks, self._latents, self._cameras = (list(column) for column in zip(*rows, strict=True))
        defaults = look_defaults()
        self.vectors = torch.from_numpy(np.stack([look.vector(defaults) for look in self._looks]))
        print_of = hashlib.sha256(renderer_sources()).hexdigest()[:12]
        file = cache_folder() / f"looks-{count}-{seed}-{print_of}.npy"
        self._pixels = rendered(file, count, SIZE, self._parts)

    def __len__(self) -> int:
        return len(self._looks)

    def images(self, index: Tensor) -> Tensor:
        """Pictures [B, 3, SIZE, SIZE] in [-1, 1]."""
        return chosen(self._pixels, index)

    def _parts(self) -> Iterator[Part]:
        from ..render import render  # compiles its kernels: only where pictures are made

        def part(look: WideStyle, latent: Tensor, camera: Tensor) -> Tensor:
            return render(attributes(latent), camera, look, SIZE, supersample=1).image

        rows = zip(self._looks, self._latents, self._cameras, strict=True)
        return (partial(part, *row) for row in rows)


def _draw(rng: torch.Generator) -> tuple[WideStyle, Tensor, Tensor]:
    look = WideStyle(int(torch.randint(2**31 - 1, (1,), generator=rng)))
    latent = normalise(torch.randn(1, Z_DIM, generator=rng))
    return look, latent, cameras.sample_views(1, yaw=STYLE_YAW, pitch=STYLE_PITCH, rng=rng)
