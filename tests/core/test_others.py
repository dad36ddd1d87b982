"""What APT asks of people whom the picture does not show: no clouds, and the picture's way in CLIP space."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from itportrait_core.guidance import background
from itportrait_core.methods.apt import APT, stylize
from itportrait_core.methods.configs import APTConfig
from itportrait_core.methods.directions import cosine, direction
from itportrait_core.methods.others import EVERY
from itportrait_core.methods.passes import draw_latents, render_views
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
    assert not same_weights(plain.style, kept.style)
    assert "empty" not in kept.step(1).losses  # only every so many steps


def test_others_are_looked_at_every_so_many_steps(parts):
    apt = make(parts, clip=1.0)
    looked = ["clip" in apt.step(index).losses for index in range(2 * EVERY)]
    assert looked == [index % EVERY == 0 for index in range(2 * EVERY)]


def turned(parts, style) -> float:
    """Mean cosine between the picture's way and that of people whom training never met."""
    generator, portrait, _ = parts
    clip, people = tiny_clip(), draw_latents(generator, 6, torch.Generator().manual_seed(77))
    natural = portrait.ws.mean(dim=1, keepdim=True).expand_as(portrait.ws)
    person = render_views(generator, natural, portrait.camera)[0].image
    way = direction(clip.embed_image(portrait.image), clip.embed_image(person))
    views = cameras.orbit(20.0)
    before, after = (clip.embed_image(render_views(g, people, views)[0].image) for g in (generator, style))
    return float(cosine(direction(after, before), way, 0.05).mean())


def test_others_go_the_picture_s_way(parts):
    """The picture itself does not count here (no LPIPS), so it is the others' own loss that turns them."""
    generator, portrait, perceptual = parts
    config = APTConfig(steps=60, lpips=0.0, clip=1.0, lr=0.01)
    style = stylize(generator, portrait, config, clip=tiny_clip(), perceptual=perceptual)
    assert turned(parts, style) > 0.3 > turned(parts, generator)


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
