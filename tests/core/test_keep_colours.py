"""Kept colours: the base's chroma, the style's light and dark, equal runs, and an untouched style."""

from __future__ import annotations

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.colour import luma, tint
from itportrait_core.methods.shared.passes import draw_latents
from itportrait_core.methods.shared.trainable import frozen_copy
from itportrait_core.methods.style.config import ColourConfig
from itportrait_core.methods.style.keep_colours import keep_colours
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_generator

FAST = ColourConfig(steps=40, lr=0.01)


@pytest.fixture(scope="module")
def pair():
    """A base, and a style of it whose pictures are redder and darker."""
    base = tiny_generator()
    style = frozen_copy(base)
    bias = style.superresolution.block1.torgb.bias
    bias.data += torch.tensor([0.2, -0.9, -0.5])
    return base, style


def shown(generator):
    ws = draw_latents(generator, 4, torch.Generator().manual_seed(9))
    return generator.synthesis(ws, cameras.orbit([-20.0, 0.0, 10.0, 30.0])).image


def test_luma_and_chroma_add_up_and_greys_have_none():
    image = torch.rand(2, 3, 8, 8) * 2 - 1
    assert torch.allclose(luma(image) + tint(image), image)
    assert float(tint(image.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)).abs().max()) < 1e-6


def test_colours_are_the_base_s_and_light_and_dark_the_style_s(pair):
    base, style = pair
    kept = shown(keep_colours(base, style, FAST))

    def colour_error(image):
        return float((tint(image) - tint(shown(base))).abs().mean())

    assert colour_error(kept) <= 0.3 * colour_error(shown(style))
    moved = float((luma(shown(style)) - luma(shown(base))).abs().mean())
    assert float((luma(kept) - luma(shown(style))).abs().mean()) < 0.3 * moved


def test_the_style_stays_and_equal_runs_are_equal(pair):
    base, style = pair
    before = frozen_copy(style)
    short = ColourConfig(steps=2)
    one, two = keep_colours(base, style, short), keep_colours(base, style, short)
    assert same_weights(style, before) and same_weights(one, two)
    assert not same_weights(one, style)
    assert [record.stage for record in one.history] == ["colours", "colours"]
    assert one.lineage["parent"] == style.lineage


def test_a_style_of_another_shape_is_refused(pair):
    with pytest.raises(ITPortraitError, match="does not fit"):
        keep_colours(pair[0], tiny_generator(0, resolution=32), FAST)
