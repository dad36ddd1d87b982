"""What APT asks of people whom the picture does not show: shape, variety, the way in CLIP space, no cloud."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from itportrait_core.guidance import background
from itportrait_core.guidance.colour import allowed_chroma, chroma, colour_excess
from itportrait_core.guidance.directions import direction
from itportrait_core.guidance.variety import lost_variety
from itportrait_core.methods.configs import APTConfig
from itportrait_core.methods.shared.passes import draw_latents, render_each
from itportrait_core.methods.stylize.apt import APT, stylize
from itportrait_core.methods.stylize.style_direction import direction_mse, style_direction
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_apt, tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual()


def make(parts, **changes) -> APT:
    return tiny_apt(*parts, [tiny_clip()], **changes)


def test_space_that_was_empty_stays_so(parts, monkeypatch):
    """Opacity costs where the untrained generator shows nothing far and wide, and there alone."""
    weights = torch.zeros(1, 1, 16, 16)
    weights[..., :3] = 1.0
    empty = background.empty_space(SimpleNamespace(image_weights=weights))
    assert empty.sum() == 16 * (16 - 3 - 2) and not (empty * weights).any()  # a rim of two pixels
    cloud = weights.clone()
    cloud[..., 4:] = 0.5  # from within the rim, where a head may grow
    assert background.opacity(SimpleNamespace(image_weights=weights), empty) == 0
    assert background.opacity(SimpleNamespace(image_weights=cloud), empty) == pytest.approx(0.5)
    monkeypatch.setattr(background, "EMPTY", 2.0)  # the tiny generator's heads fill the picture
    plain, kept = make(parts), make(parts, empty=10.0)
    assert "empty" not in plain.step(0).losses and kept.step(0).losses["empty"] > 0
    assert not same_weights(plain.g_s, kept.g_s)


def test_clouds_are_what_lies_far_from_everything_solid():
    """Each picture by itself; a head costs nothing, nor does haze that touches it."""
    weights = torch.zeros(2, 1, 16, 16)
    weights[..., :3] = 1.0
    weights[..., 3:5] = 0.3  # within the rim of two pixels
    assert not background.stray_opacity(SimpleNamespace(image_weights=weights)).any()
    weights[1, :, 0, 10] = 0.4
    stray = background.stray_opacity(SimpleNamespace(image_weights=weights))
    assert stray.tolist() == pytest.approx([0.0, 0.4 / (16 * 11)])
    solid = torch.ones(1, 1, 16, 16)  # nothing is beside it
    assert background.stray_opacity(SimpleNamespace(image_weights=solid)).tolist() == [0.0]


def test_the_background_of_others_costs_where_it_is_asked_for(parts):
    plain, kept = make(parts), make(parts, background=10.0)
    assert "background" not in plain.step(0).losses and "background" in kept.step(0).losses


def test_beside_a_grey_picture_colour_costs():
    """Greys have no chroma, pure colours all of it; specks do not make a picture colourful."""
    grey, blue = torch.zeros(1, 3, 32, 32), torch.tensor([-1.0, -1.0, 1.0]).view(1, 3, 1, 1)
    assert not chroma(grey).any() and (chroma(blue) == 1).all()
    specks = grey.clone()
    specks[:, 2, 0, :5] = 1.0
    assert allowed_chroma(grey) == allowed_chroma(specks) == 0
    assert allowed_chroma(0.05 * blue) == pytest.approx(0.1)  # warm stone
    assert allowed_chroma(0.2 * blue) == 1
    assert colour_excess(0.3 * blue, 0.1) == pytest.approx(0.2)
    assert colour_excess(0.3 * blue, 0.4) == 0


def test_a_grey_picture_takes_the_colours_of_others(parts):
    """After some steps others are less colourful with the weight; a colourful picture asks nothing."""
    generator, portrait, perceptual = parts
    grey = without_colours(portrait)
    look = seen_from_the_side(generator)

    def left(**changes) -> float:
        style = stylize(generator, grey, APTConfig(steps=8, lr=0.01, **changes), perceptual=perceptual)
        return float(chroma(look(style).image).mean())

    assert left(colour=10.0) < 0.8 * left()
    bright = dataclasses.replace(portrait, image=torch.ones_like(portrait.image))
    bright.image[:, 2] = -1.0
    plain, free = (
        tiny_apt(generator, bright, perceptual, [tiny_clip()], background=1.0, colour=weight)
        for weight in (0.0, 10.0)
    )
    for apt in (plain, free):
        apt.step(0)
    assert same_weights(plain.g_s, free.g_s)


def test_others_are_looked_at_every_step(parts):
    apt = make(parts, clip=1.0)
    assert all("clip" in apt.step(index).losses for index in range(3))


def test_two_are_compared_every_fourth_step(parts):
    apt = make(parts, variety=1.0)
    assert ["variety" in apt.step(index).losses for index in range(5)] == [True, False, False, False, True]


def test_beside_a_grey_picture_people_may_be_alike(parts):
    generator, portrait, perceptual = parts
    apt = tiny_apt(generator, without_colours(portrait), perceptual, [tiny_clip()], variety=1.0, clip=1.0)
    losses = apt.step(0).losses
    assert "clip" in losses and "variety" not in losses


def without_colours(portrait):
    """The same portrait, its picture in greys."""
    grey = portrait.image.mean(dim=1, keepdim=True)
    return dataclasses.replace(portrait, image=grey.expand_as(portrait.image))


def seen_from_the_side(generator):
    """What a generator draws of six people whom training never met."""
    people = draw_latents(generator, 6, torch.Generator().manual_seed(77))
    return lambda one: render_each(one, people, cameras.orbit(20.0))[0]


def left_of_the_way(parts, style) -> float:
    """Mean `missed` of people whom training never met: 1 where nothing changed, 0 at the way's end."""
    (generator, portrait, _), clip = parts, tiny_clip()
    look = seen_from_the_side(generator)
    before, after = (clip.embed_image(look(one).image) for one in (generator, style))
    return float(direction_mse(direction(after, before), style_direction(clip, generator, portrait, seed=5)))


def test_others_go_the_picture_s_way(parts):
    """The picture itself does not count here (no LPIPS), so it is the others' own loss that moves them."""
    generator, portrait, perceptual = parts
    config = APTConfig(steps=60, lpips=0.0, clip=1.0, lr=0.01)
    style = stylize(generator, portrait, config, clip=tiny_clip(), perceptual=perceptual)
    assert left_of_the_way(parts, generator) == pytest.approx(1.0)
    assert left_of_the_way(parts, style) < 0.8


def test_without_a_weight_clip_changes_nothing(parts):
    generator, portrait, perceptual = parts
    one, two = (
        stylize(generator, portrait, APTConfig(steps=2), clip=clip, perceptual=perceptual)
        for clip in (None, tiny_clip())
    )
    assert same_weights(one, two)


def test_the_embedded_guide_stands_in(parts):
    generator, portrait, perceptual = parts
    style = stylize(generator, portrait, APTConfig(steps=1, clip=1.0), perceptual=perceptual)
    assert "clip" in style.history.records[0].losses


def trained(parts, **changes):
    """G_s of a short run with some settings changed."""
    generator, portrait, perceptual = parts
    config = APTConfig(steps=24, lr=0.01, **changes)
    return stylize(generator, portrait, config, clip=tiny_clip(), perceptual=perceptual)


def test_others_keep_their_shape(parts):
    look = seen_from_the_side(parts[0])
    drift = [
        float((look(trained(parts, shape=weight)).image_depth - look(parts[0]).image_depth).abs().mean())
        for weight in (0.0, 200.0)
    ]
    assert drift[1] < 0.7 * drift[0]


def test_others_stay_different(parts):
    """APT gives all the picture's look; with the weight they differ more."""
    look, perceptual = seen_from_the_side(parts[0]), parts[2]

    def differ(one) -> float:
        first, second = look(one).image.chunk(2)
        return float(perceptual(first, second).mean())

    assert differ(trained(parts, variety=20.0)) > 1.1 * differ(trained(parts))


def test_what_is_lost_of_a_difference_is_a_share(parts):
    perceptual = parts[2]
    before = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert lost_variety(perceptual, before, before) == 0
    assert lost_variety(perceptual, before, before[:1].expand_as(before)) == pytest.approx(1)
