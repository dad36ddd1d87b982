"""What a training step needs of a device's memory, and how it is made so that it fits.

The formula counts what is alive at the worst moment, when the gradient begins: numbers of every layer and of
every sample on a ray, in times that were fitted to the count of full-size steps (`benchmarks.cost`, within a
tenth). Networks are not in it: they lie on the device already.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...networks.generator3d import Generator3D
from .memory import RAY_CHUNKS, Together

SUPERRESOLUTION_TIMES, HALF_SHARE = 1.45, 0.6
"""Numbers alive per number that its layers make, and what half precision leaves of their bytes."""
BACKBONE_TIMES = 3.0
"""The same for the backbone's layers, of which some are scaled before and after."""
RESERVE = 1.1
"""What torch keeps for itself beside tensors."""
GIGABYTE = 1e9


@dataclass(frozen=True)
class Load:
    """How much a training does in a step.

    Attributes:
        people: latents at once.
        views: views with gradients of each of them.
        trained: generators in training, each with a gradient and Adam's two moments.
        side: of the neural rendering, 0 = the generator's own.
    """

    people: int = 1
    views: int = 1
    trained: int = 1
    side: int = 0


@dataclass(frozen=True)
class Plan:
    """How steps are made, what they need and what was free, in bytes; `free` 0 where nobody knows."""

    together: Together
    ray_chunk: int
    needs: int
    free: int

    def __str__(self) -> str:
        way = "all views at once" if self.together.trained else "views one by one"
        if self.ray_chunk:
            way += f", {self.ray_chunk} rays at once"
        free = f", {self.free / GIGABYTE:.1f} GB are free" if self.free else ""
        return f"needs {self.needs / GIGABYTE:.1f} GB beside the networks{free}: {way}"


def needed(generator: Generator3D, load: Load, together: Together, ray_chunk: int = 0) -> int:
    """Bytes that a step allocates beside the networks."""
    config, weights = generator.config, sum(p.numel() for p in generator.parameters())
    rendering, enlarger = config.rendering, config.superresolution
    rays = (load.side or generator.neural_rendering_resolution) ** 2
    samples = rendering.depth_resolution + rendering.depth_resolution_importance
    of_rays = 2 * (config.plane_channels + config.decoder_hidden) * samples * min(rays, ray_chunk or rays)
    side, of_enlarger = enlarger.input_resolution, 0.0
    for channels, up in zip(enlarger.channels, enlarger.up, strict=True):
        side *= up
        of_enlarger += 2 * SUPERRESOLUTION_TIMES * channels * side * side
    if generator.superresolution.half:
        of_enlarger *= HALF_SHARE
    levels = range(2, config.backbone_resolution.bit_length())
    widths = ((2**k, min(config.channel_base // 2**k, config.channel_max)) for k in levels)
    of_backbone = BACKBONE_TIMES * sum(side**2 * (2 * w + config.backbone_channels) for side, w in widths)
    views = load.views if together.trained else 1
    numbers = 3 * load.trained * weights + load.people * (of_backbone + views * (of_rays + of_enlarger))
    return int(4 * RESERVE * numbers)


def plan(generator: Generator3D, load: Load, ray_chunk: int, free: int) -> Plan:
    """The fastest way that fits: all views at once, one by one, and then with fewer rays at once.

    Args:
        ray_chunk: what the settings ask for; 0 leaves it to the plan.
        free: bytes, 0 for unknown: then views come one by one, and all rays of one at once.
    """
    one_by_one = Together(frozen=free > 0)
    ways: list[tuple[Together, int]] = []
    if free > 0 and load.views > 1 and not ray_chunk:
        ways.append((Together(True, True), 0))
    ways += [(one_by_one, chunk) for chunk in ((ray_chunk,) if ray_chunk else (0, *RAY_CHUNKS))]
    for together, chunk in ways:
        needs = needed(generator, load, together, chunk)
        if not free or needs <= free:
            break
    return Plan(together, chunk, needs, free)


def free_bytes(device: torch.device) -> int:
    """What a card has to give, its own reserve included; 0 for other devices, whose memory is shared."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
