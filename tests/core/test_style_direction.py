"""The way to a picture's style in CLIP's space leaves out what tells persons apart."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from itportrait_core.methods.shared.passes import draw_latents, render_each
from itportrait_core.methods.stylize.style_direction import GAIN, PEOPLE, direction_mse, style_direction
from tests.core.tiny import tiny_clip, tiny_generator, tiny_portrait


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_clip()


def people(generator, portrait, count: int, seed: int):
    ws = draw_latents(generator, count, torch.Generator().manual_seed(seed))
    return render_each(generator, ws, portrait.camera)[0].image


def kept(parts, image) -> float:
    """Length of the way to a picture, as a share of the picture's distance from the mean person."""
    generator, portrait, clip = parts
    way = style_direction(clip, generator, dataclasses.replace(portrait, image=image), seed=3)
    mean = clip.encode_image(people(generator, portrait, PEOPLE, 3)).mean(dim=0)
    return float((way / GAIN).norm() / (clip.encode_image(image) - mean).norm())


def test_a_person_is_no_style(parts):
    """Of the way to a picture that the generator draws itself little is left; of a foreign one, most."""
    generator, portrait, _ = parts
    persons = [kept(parts, image[None]) for image in people(generator, portrait, 4, 50)]
    foreign = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert sum(persons) / len(persons) < 0.6 * kept(parts, foreign)


def test_the_same_seed_gives_the_same_way(parts):
    generator, portrait, clip = parts
    first, second, other = (style_direction(clip, generator, portrait, seed) for seed in (1, 1, 2))
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert first.shape == (1, clip.encode_image(portrait.image).shape[1])


def test_missed_is_one_at_the_start_and_nothing_at_the_end():
    way = torch.tensor([[0.3, -0.4, 0.0]])
    moved = torch.stack([0 * way[0], way[0], 2 * way[0]])
    assert [float(direction_mse(one[None], way)) for one in moved] == pytest.approx([1.0, 0.0, 1.0])
    assert float(direction_mse(moved, way)) == pytest.approx(2 / 3)
