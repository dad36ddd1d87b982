"""What the help pictures share: one generator, one person, one style picture, short trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import itportrait_core as itp
from itportrait_core.methods.configs import suited
from itportrait_core.methods.inversion.photo_prior import PhotoPrior
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.shared.run import StepInfo
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.rendering.views import render_views

from .environment import ROOT

PERSON = 30
"""Seed of the person in most pictures: somebody without hat, beard or glasses."""
STYLE = "cartoon woman"
INVERSION_STEPS, STYLE_STEPS = 30, 24
"""Few, so that all pictures take minutes: enough to see where each control leads."""
Row = dict[str, Image.Image]
"""What stands under each picture of a row, usually the value of the control -> the picture."""
Rows = dict[str, Row]
"""Name of the control -> its row."""


@dataclass
class Studio:
    """Networks and people that several pictures share; each is made when it is first asked for."""

    seed: int = 2

    @cached_property
    def generator(self) -> EG3DGenerator:
        return itp.load_generator("pocket")

    @cached_property
    def prior(self) -> PhotoPrior:
        return itp.load_photo_prior("pocket")

    @cached_property
    def person(self) -> itp.Portrait:
        return sample_portrait(self.generator, PERSON, truncation=0.7)

    @cached_property
    def inverted(self) -> itp.Portrait:
        """The person of the style picture, found in the generator."""
        return self.invert(INVERSION_STEPS)

    @cached_property
    def style(self) -> EG3DGenerator:
        """The generator in the style picture's look."""
        return self.stylize()

    def invert(
        self, steps: int, on_step: Callable[..., object] | None = None, **changes: object
    ) -> itp.Portrait:
        """Invert the style picture."""
        config = suited(itp.InversionConfig, self.generator).replace(seed=self.seed)
        config = config.replace(steps=steps, **changes)
        return itp.invert(self.generator, example(STYLE), self.prior, config, on_step)

    def stylize(self, steps: int = STYLE_STEPS, **changes: object) -> EG3DGenerator:
        """APT to the style picture."""
        config = itp.APTConfig(seed=self.seed).replace(steps=steps, **changes)
        return itp.stylize(self.generator, self.inverted, config)

    def see(self, generator: EG3DGenerator | None = None) -> Image.Image:
        """The person from a little aside, drawn by a generator."""
        return self.views([20.0], 5.0, generator)[0]

    def views(
        self, yaws: Sequence[float], pitch: float = 5.0, generator: EG3DGenerator | None = None
    ) -> list[Image.Image]:
        """The person from several sides."""
        drawn = generator or self.generator
        labels = itp.cameras.orbit(list(yaws), pitch).float()
        return photos(render_views(drawn, self.person.ws, labels).images)


def example(name: str) -> Tensor:
    """A style picture of the pack `[1, 3, H, W]` in [-1, 1]."""
    with Image.open(ROOT / "example_workflows" / "pictures" / f"{name}.png") as opened:
        return to_core(opened)


def to_core(picture: Image.Image) -> Tensor:
    """A picture as the core takes it, `[1, 3, H, W]` in [-1, 1]."""
    values = np.asarray(picture.convert("RGB"), dtype=np.float32) / 127.5 - 1
    return torch.from_numpy(values).movedim(-1, 0)[None]


def photos(pictures: Tensor, low: float = -1.0) -> list[Image.Image]:
    """Pictures `[N, 1 or 3, H, W]` in [low, 1] for the sheet."""
    values = ((pictures.detach().float().clamp(low, 1) - low) / (1 - low) * 255).round().to(torch.uint8)
    return [Image.fromarray(one.expand(3, -1, -1).movedim(0, -1).contiguous().numpy()) for one in values]


def snapshots(at: Sequence[int], which: int = -1) -> tuple[Row, Callable[[int, int, StepInfo], None]]:
    """A row that fills itself during a run, and the `on_step` that fills it: the picture after so many steps.

    Args:
        at: counts of steps.
        which: which picture of the run's preview.
    """
    row: Row = {}

    def on_step(index: int, total: int, info: StepInfo) -> None:
        if index + 1 in at:
            row[str(index + 1)] = photos(info.preview()[which][None])[0]

    return row, on_step
