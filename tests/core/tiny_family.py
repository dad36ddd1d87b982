"""The trainers of the embedded family made small: a step of each takes about a second."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from itportrait_core.networks.style_prior import StylePriorConfig
from itportrait_core.pocket.training import (
    clip,
    code_scale,
    dataset,
    encoder,
    generator,
    identity,
    perceptual,
    photo,
    pictures,
    pose,
    style_code,
    style_prior,
)
from itportrait_core.pocket.training.style_looks import LookPictures
from itportrait_core.pocket.training.style_pairs import SeenPairs


class Teacher(nn.Module):
    """Stands for the real LPIPS, which is not installed everywhere: means of the picture at five scales."""

    def __init__(self, net: str) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(1))

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        levels = [nn.functional.avg_pool2d(images + self.shift, 2**k) for k in range(5)]
        widths = zip(levels, perceptual.TEACHER_WIDTHS, strict=True)
        return [x.repeat(1, width, 1, 1)[:, :width] for x, width in widths]


def make_small(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Few pictures, narrow networks, small batches; rendered sets lie in `cache`."""
    put = monkeypatch.setattr
    monkeypatch.setenv(pictures.CACHE, str(cache))
    put(pictures, "SMALL_PHOTOS", 12)
    put(pictures, "LARGE_PHOTOS", 24)
    put(encoder, "PHOTOS", 8)
    put(encoder, "BATCH", 4)
    put(encoder, "PICTURES_FROM", 0.0)
    put(identity, "PEOPLE", 4)
    put(identity, "BATCH", 4)
    put(dataset, "TRAINING", 20)
    put(dataset, "CHUNK", 2)
    put(clip, "BATCH", 12)
    put(clip, "CAPTIONED", 6)
    put(clip, "SETTLING", 1)
    put(photo, "BATCHES", {32: 2, 64: 2, 128: 2})
    put(code_scale, "SEEN_HEADS", 2)
    put(style_code, "PEOPLE", 1)
    put(style_prior, "StylePriorConfig", partial(StylePriorConfig, code_dim=4))
    for module in (style_code, perceptual):
        put(module, "LookPictures", lambda count, seed: LookPictures(6, seed))
    put(perceptual, "RealLPIPS", Teacher)
    put(style_prior, "SeenPairs", partial(SeenPairs, ahead=1))
    for module in (photo, generator):
        put(module, "build_mapping", partial(module.build_mapping, pool=1500))
    put(photo, "CONFIG", replace(photo.CONFIG, channel_base=128, channel_max=4))
    small = replace(encoder.CONFIG, widths=(4, 4, 8, 8), units=(1, 1, 1, 1), style_width=8)
    put(encoder, "CONFIG", small)
    put(pose, "CONFIG", replace(pose.CONFIG, blocks=(1, 1), width=4))
    put(identity, "CONFIG", replace(identity.CONFIG, widths=(4, 4, 8, 8), units=(1, 1, 1, 1)))
    narrow = replace(generator.CONFIG, channel_base=128, channel_max=4)
    for module in (generator, style_prior):
        put(module, "CONFIG", narrow)
