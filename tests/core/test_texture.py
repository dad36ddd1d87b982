"""Texture: told by how features vary over a head, not by where they are or who it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import itportrait_core as itp
from itportrait_core.guidance.texture import LEVELS, texture, texture_change, texture_difference
from itportrait_core.methods.shared.passes import draw_latents, render_each
from itportrait_core.methods.stylize.apt import stylize
from itportrait_core.methods.stylize.regularizer import mean_change
from itportrait_core.rendering import cameras
from tests.core.tiny import tiny_generator, tiny_perceptual, tiny_portrait

METRIC = tiny_perceptual()
WHOLE = torch.ones(1, 1, 16, 16)


def grain(size: float, seed: int = 0) -> Tensor:
    """A grey picture [1, 3, 64, 64] with noise of that size."""
    return size * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def gap(one: Tensor, other: Tensor, opacity: Tensor = WHOLE) -> float:
    """How far apart two pictures' textures are."""
    return float(texture_difference(*(texture(METRIC, image, opacity) for image in (one, other))))


def test_grain_counts_and_its_place_does_not() -> None:
    assert len(texture(METRIC, grain(0.1), WHOLE)) == LEVELS
    assert gap(grain(0.1), grain(0.4)) > 20 * gap(grain(0.1, 1), grain(0.1, 2))
    assert gap(grain(0.3), grain(0.3).roll((16, 16), (2, 3))) < 0.05 * gap(grain(0.3), grain(0.1))


def test_only_the_head_counts() -> None:
    head = WHOLE.clone()
    head[..., 8:] = 0
    behind = grain(0.1)
    behind[..., 44:] *= 8  # farther from the head than a feature sees
    assert gap(grain(0.1), behind, head) < 0.05 * gap(grain(0.1), behind)


def test_several_pictures_give_the_mean_of_their_changes() -> None:
    generator = tiny_generator()
    people = [tiny_portrait(generator, seed) for seed in (3, 4)]
    one, two, both = (mean_change(generator, some, METRIC) for some in ([people[0]], [people[1]], people))
    for first, second, mean in zip(one, two, both, strict=True):
        assert torch.allclose(mean, (first + second) / 2, atol=1e-5) and not torch.allclose(first, second)


@pytest.mark.parametrize("start", ["alone", "two"])
def test_apt_gives_others_the_texture_of_the_style(start: str) -> None:
    generator = tiny_generator()
    portraits = [tiny_portrait(generator, seed) for seed in ((3,) if start == "alone" else (3, 4))]
    wanted = mean_change(generator, portraits, METRIC)
    ws, view = draw_latents(generator, 4, torch.Generator().manual_seed(5)), cameras.orbit(20.0)

    def read(by: itp.Generator3D) -> list[Tensor]:
        render = render_each(by, ws, view)[0]
        return texture(METRIC, render.image, render.image_weights)

    def left(weight: float) -> float:
        config = itp.APTConfig(steps=30, lr=0.01, texture=weight)
        style = stylize(generator, portraits, config, perceptual=METRIC)
        return float(texture_difference(texture_change(read(generator), read(style)), wanted).mean())

    assert left(3.0) < 0.8 * left(0.0)
