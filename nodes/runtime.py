"""ComfyUI's side of a run: devices, memory, gradients under its inference mode, progress, preview, stops."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import comfy.model_management as mm
import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher
from PIL import Image
from torch import Tensor, nn

from ..itportrait_core.errors import ITPortraitError
from ..itportrait_core.methods.shared.run import KeepBest, StepInfo
from . import prompt_server, stopping
from .images import preview_grid

if TYPE_CHECKING:
    from .live_training import LiveTraining

PREVIEW_SECONDS = 0.25
"""Shortest time between two previews: four per second."""
PREVIEW_SHARE = 0.02
"""Share of a run's time so far that previews may take."""
FIRST_PREVIEW = 0.1
"""Seconds that the first preview is expected to take; pictures at hand take none to speak of."""
PREVIEW_SIDE = 512
SHORT_OF_MEMORY = (
    "The graphics card ran out of memory. Close other programs that use it, or connect Method Settings with"
    ' changes {"apt": {"ray_chunk": 4096}, "ite": {"ray_chunk": 4096}, "tuning": {"ray_chunk": 4096}}: the'
    " trainings then need a quarter to a third less memory, and up to half more time. Name what you changed"
    " on the node there too, for Method Settings replaces it."
)
"""Shares by benchmarks/full_size.py."""
TRAINING_FACTOR = 4
"""Weights, gradients and Adam's two moments: what training needs beside activations, in model sizes."""


def patcher(module: nn.Module) -> ModelPatcher:
    """Hand a frozen module to ComfyUI's memory manager."""
    return ModelPatcher(module, mm.get_torch_device(), mm.unet_offload_device())


@contextmanager
def plain_tensors() -> Iterator[None]:
    """ComfyUI runs prompts in inference mode; inside this block tensors are ordinary, without gradients.

    Everything that later takes part in training is made, loaded and moved in such a block.
    """
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def training() -> Iterator[None]:
    """As `plain_tensors`, with gradients on; hears 'stop now and keep', gives memory back at the end.

    Raises:
        ITPortraitError: where the device's memory does not suffice, with what to do about it.
    """
    try:
        with torch.inference_mode(False), torch.enable_grad(), stopping.heard():
            yield
    except RuntimeError as error:  # CUDA, ROCm and Metal have no class of error in common
        if "out of memory" not in str(error).lower():
            raise
        mm.unload_all_models()
        raise ITPortraitError(SHORT_OF_MEMORY) from error
    finally:
        mm.soft_empty_cache()


def half_is_best() -> bool:
    """Whether half precision is the better default: on cards with bfloat16. CPUs may be six times slower."""
    from ..itportrait_core.networks.ops import half_type

    device = mm.get_torch_device().type
    return device == "cuda" and half_type(device) is not None


def to_device(*patchers: ModelPatcher, trained: int = 0) -> None:
    """Move whole models to the compute device, making room for `trained` of them to be trained as copies.

    A partial load would leave parameters that belong to a module with children on the CPU.
    """
    extra = TRAINING_FACTOR * sum(mm.module_size(item.model) for item in patchers[:trained])
    with plain_tensors():
        mm.load_models_gpu(list(patchers), memory_required=extra, force_full_load=True)


def say(text: str) -> None:
    """Show a line below the node that is running, where the editor shows such lines, and in the log."""
    from comfy_execution.utils import get_executing_context

    logging.getLogger("itportrait").info(text)
    server, context = prompt_server.running(), get_executing_context()
    if server is not None and context is not None and hasattr(server, "send_progress_text"):
        server.send_progress_text(text, context.node_id)


class Progress:
    """ComfyUI's progress bar, a live preview, and cancel or 'stop now and keep' at every step.

    The next preview waits until it, too, fits into `PREVIEW_SHARE` of the run so far; a run of some seconds
    has none.

    Attributes:
        stopped_at: steps that were done when the run was asked to stop and keep; 0 while it was not.
    """

    def __init__(self, live: LiveTraining | None = None) -> None:
        """`live`: shows the generators in training as a live head too."""
        self.live = live
        self.bar: comfy.utils.ProgressBar | None = None
        self.started, self.next_preview = time.monotonic(), 0.0
        self.spent, self.dearest = 0.0, FIRST_PREVIEW
        self.stopped_at = 0

    def step(self, index: int, total: int, info: StepInfo) -> type[KeepBest] | None:
        """An `on_step` for the core's methods; a request in the last step changes nothing."""
        self.count(index + 1, total, info.preview)
        if self.live is not None and info.moment is not None:
            self.live.step(index + 1, total, info.moment())
        if not stopping.take() or index + 1 == total:
            return None
        self.stopped_at = index + 1
        return KeepBest

    def view(self, done: int, total: int, pictures: Tensor) -> None:
        """An `on_view` for the core's renders."""
        self.dearest = 0.0 if self.spent == 0 else self.dearest
        self.count(done, total, lambda: pictures)

    def count(self, done: int, total: int, preview: Callable[[], Tensor] | None = None) -> None:
        """Report that `done` of `total` are done; raises when the user has cancelled.

        Args:
            preview: gives pictures `[n, 3, H, W]` in [-1, 1] when it is asked.
        """
        mm.throw_exception_if_processing_interrupted()
        if self.bar is None:
            self.bar = comfy.utils.ProgressBar(total)
        self.bar.update_absolute(done, total, self._picture(preview))

    def _picture(self, preview: Callable[[], Tensor] | None) -> tuple[str, Image.Image, int] | None:
        start = time.monotonic()
        allowed = PREVIEW_SHARE * (start - self.started)
        if preview is None or start < self.next_preview or self.spent + self.dearest > allowed:
            return None
        picture = preview_grid(preview())
        end = time.monotonic()
        took = end - start
        self.spent, self.dearest = self.spent + took, max(self.dearest if self.spent else 0.0, took)
        self.next_preview = end + PREVIEW_SECONDS
        return "JPEG", picture, PREVIEW_SIDE
