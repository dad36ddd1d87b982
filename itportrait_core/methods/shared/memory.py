"""What a run does where the device's memory runs out: it goes on with fewer views or rays at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch

RAY_CHUNKS = (4096, 1024)
"""Rays kept at once after the first and the second time that memory ran out; the rest is computed again."""
T = TypeVar("T")


@dataclass(frozen=True)
class Together:
    """Which views of a step are made at once: fewer kernels for more memory."""

    frozen: bool = False
    """Those without gradients, and CLIP's look at all of them."""
    trained: bool = False
    """Those with gradients."""


class HasRayChunk(Protocol):
    """Whatever renders with gradients."""

    ray_chunk: int
    """Rays kept in memory at once, the rest recomputed; 0 = all."""


def ran_out(error: RuntimeError) -> bool:
    """Whether an error says that memory ran out; CUDA, ROCm and Metal have no class of error in common."""
    return "out of memory" in str(error).lower()


def with_less_memory(step: Callable[[], T], rng: torch.Generator, renderers: Sequence[HasRayChunk]) -> T:
    """The result of `step`, made again with fewer views or rays at once where it runs out of memory.

    Views are made one by one first; then fewer rays are kept. The step begins again with the same random
    numbers, and later steps go on like that. Memory runs out in forward and backward passes, before weights
    change.

    Raises:
        RuntimeError: the last error, where fewer rays do not help either.
    """
    state = rng.get_state()
    while True:
        try:
            return step()
        except RuntimeError as error:
            if not ran_out(error) or not _spare(renderers):
                raise
        # Here, and not in the handler: the error holds on to the tensors of the step that failed.
        rng.set_state(state)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _spare(renderers: Sequence[HasRayChunk]) -> bool:
    """Take the next step down, and say so in the log; whether there was one."""
    log = logging.getLogger(__name__)
    joint: list[Any] = [one for one in renderers if getattr(one, "together", Together()).trained]
    if joint:
        for one in joint:
            one.together = Together(frozen=True)
        log.warning("The device ran out of memory; the run goes on with one view at a time.")
        return True
    for chunk in RAY_CHUNKS:
        if _lower(renderers, chunk):
            for one in renderers:
                if hasattr(one, "together"):
                    one.together = Together()
            log.warning(
                "The device ran out of memory; the run goes on with %d rays at once (ray_chunk), which needs"
                " less memory and up to half more time.",
                chunk,
            )
            return True
    return False


def _lower(renderers: Sequence[HasRayChunk], chunk: int) -> bool:
    """Set the number of rays at once where it is larger; whether that changed anything."""
    larger = [one for one in renderers if one.ray_chunk == 0 or one.ray_chunk > chunk]
    for one in larger:
        one.ray_chunk = chunk
    return bool(larger)
