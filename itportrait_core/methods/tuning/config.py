"""Settings of pivotal tuning (paper section 5.4, docs/method.md#pivotal-tuning)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..shared.config import MODULES, Config, many, number, weight


@dataclasses.dataclass(frozen=True)
class TuningConfig(Config):
    """Second stage of an inversion: the generator itself moves to the picture, the latent stays.

    Example:
        >>> itp.TuningConfig.from_dict({"steps": 50}).lr
        0.0003
    """

    method: ClassVar[str] = "tuning"

    seed: int = number(2, 0, 2**31 - 1, "Seed of the run; same seed, same weights.")
    steps: int = number(350, 1, 5000, "Most updates.")
    lr: float = number(0.0003, 0.0, 0.1, "Adam step.")
    betas: tuple[float, float] = many((0.9, 0.999), "Adam betas.")
    rampdown: float = number(0.0, 0.0, 1.0, "Share of the steps over which the step size falls, as a cosine.")
    lpips_stop: float = number(0.06, 0.0, 1.0, "Stop once LPIPS to the picture is this low.")
    l2: float = weight(1.0, 100.0, "Weight of the mean squared difference of pixels in [-1, 1].")
    lpips: float = weight(1.0, 100.0, "Weight of LPIPS.")
    raw: float = weight(0.0, 100.0, "Weight of L2 and LPIPS on the picture before super-resolution.")
    depth: float = weight(1.0, 100.0, "Weight of depth consistency with the untuned generator.")
    depth_every: int = number(4, 1, 100, "Depth consistency is taken every so many steps.")
    depth_views: int = number(4, 1, 16, "Random views per depth consistency step.")
    modules: tuple[str, ...] = many(MODULES, "Parts of the generator that are tuned.")
    ray_chunk: int = number(0, 0, 1 << 20, "Rays kept in memory at once, the rest recomputed; 0 = all.")
