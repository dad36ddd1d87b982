"""Edits in style space: exact ends, stacks, channels that stay, examples, files, and glasses on people."""

from __future__ import annotations

import pytest
import torch

import itportrait_core as itp
from itportrait_core.checkpoints.format import load_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.guidance.clip import load_clip
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.methods.shared.storage import write_tensors
from itportrait_core.methods.style.config import EditConfig
from itportrait_core.methods.style.edit_portrait import disentangled, edit_portrait, style_shifts
from itportrait_core.methods.style.relevance import Relevance, measure_relevance, shipped_relevance
from itportrait_core.rendering import cameras
from tests.core.tiny import same_weights, tiny_clip, tiny_generator

TEXT = "a person with a hat"


@pytest.fixture(scope="module")
def parts():
    generator, clip = tiny_generator(), tiny_clip()
    return generator, clip, [measure_relevance(generator, clip, 24, 0)]


def edited(parts, generator=None, text=TEXT, **fields):
    base, clip, relevance = parts
    return edit_portrait(
        generator or base, text, EditConfig(**fields), base=base, clip=clip, relevance=relevance
    )


def moved(generator, base):
    """All weights that differ: name -> difference."""
    before = dict(base.named_parameters())
    pairs = {name: value - before[name] for name, value in generator.named_parameters()}
    return {name: value for name, value in pairs.items() if bool(value.any())}


def test_strength_zero_is_the_generator_and_only_constants_of_styles_move(parts):
    assert same_weights(edited(parts, strength=0.0), parts[0])
    shifts = moved(edited(parts), parts[0])
    assert shifts and all(name.endswith("affine.bias") for name in shifts)


def test_opposite_strengths_are_opposite_and_edits_stack_on_any_style(parts):
    there = edited(parts, strength=1.5)
    back = edited(parts, there, strength=-1.5)
    for (name, value), (_, start) in zip(back.named_parameters(), parts[0].named_parameters(), strict=True):
        assert torch.allclose(value, start, atol=1e-5), name
    style = tiny_generator()
    style.decoder.net[0].bias.data += 0.5
    on_style, on_base = moved(edited(parts, style), style), moved(edited(parts), parts[0])
    assert on_style.keys() == on_base.keys()
    assert all(torch.allclose(on_style[name], on_base[name], atol=1e-6) for name in on_base)


def test_a_step_of_latents_and_its_shift_of_styles_draw_the_same(parts):
    base = parts[0]
    people = [sample_portrait(base, seed) for seed in (1, 2)]
    by_example = edit_portrait(base, config=EditConfig(disentangle=0.0), before=people[0], after=people[1])
    ws, camera = sample_portrait(base, 3).ws, cameras.orbit(10.0)
    wanted = base.synthesis(ws + people[1].ws - people[0].ws, camera).image
    assert torch.allclose(by_example.synthesis(ws, camera).image, wanted, atol=1e-4)
    half = edit_portrait(base, config=EditConfig(disentangle=0.0), before=people, after=people[1:])
    ratio = moved(half, base)["backbone.synthesis.b4.conv1.affine.bias"]
    assert torch.allclose(
        2 * ratio, moved(by_example, base)["backbone.synthesis.b4.conv1.affine.bias"], atol=1e-5
    )


def test_channels_below_the_threshold_stay(parts):
    shifts, spreads = {"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([3.0])}, {
        "a": torch.ones(2), "b": torch.full((1,), 3.0),
    }  # fmt: skip
    kept = disentangled(shifts, spreads, 0.3)
    assert kept["a"].tolist() == [0.0, -4.0] and kept["b"].tolist() == [0.0]
    counts = [
        sum(int((v != 0).sum()) for v in moved(edited(parts, disentangle=t), parts[0]).values())
        for t in (0.0, 0.5)
    ]
    assert 0 < counts[1] < counts[0]
    assert (
        style_shifts(parts[0], torch.zeros(parts[0].num_ws, parts[0].w_dim)).keys()
        >= moved(edited(parts), parts[0]).keys()
    )


def test_relevance_files_hold_what_was_measured_and_damaged_ones_are_refused(parts, tmp_path):
    again = Relevance.load(parts[2][0].save(tmp_path / "r.safetensors"))
    assert torch.equal(again.between, parts[2][0].between)
    write_tensors(tmp_path / "bad.safetensors", "relevance", {"latents": torch.zeros(2)}, {})
    with pytest.raises(ITPortraitError, match="delete it"):
        Relevance.load(tmp_path / "bad.safetensors")
    other = Relevance(torch.eye(3), torch.eye(2), torch.zeros(2, 3))
    with pytest.raises(ITPortraitError, match="do not fit each other"):
        Relevance.load(other.save(tmp_path / "other.safetensors"))


def test_what_is_shipped_is_of_the_embedded_networks_alone(parts):
    """Of their weights, people and seed; a text whose measurement is repeated has the same direction."""
    generator, clip, config = load_generator("pocket"), load_clip("pocket-guide"), EditConfig()
    shipped = shipped_relevance(generator, clip, config.people, config.seed)
    assert shipped is not None, "run python -m itportrait_core.pocket.training.relevance"
    assert shipped_relevance(generator, clip, config.people, config.seed + 1) is None
    assert shipped_relevance(parts[0], clip, config.people, config.seed) is None
    text = clip.text_direction("a person wearing glasses", config.source_text, templates=False)
    few = measure_relevance(generator, clip, 48, 5).latent_step(text)
    assert torch.cosine_similarity(shipped.latent_step(text), few, dim=0) > 0.5


def test_neither_text_nor_examples_or_both_are_refused(parts):
    person = sample_portrait(parts[0], 1)
    with pytest.raises(ITPortraitError, match="Give one of both"):
        edited(parts, text=" ")
    with pytest.raises(ITPortraitError, match="Give one of both"):
        edit_portrait(parts[0], TEXT, before=person, after=person)
    with pytest.raises(ITPortraitError, match="does not fit"):
        edited(parts, tiny_generator(0, resolution=32))


@pytest.mark.slow
def test_the_embedded_generator_puts_glasses_on_people_who_have_none():
    """The judge, which guided nothing, sees glasses at 1, none at 0."""
    from benchmarks.judging import seen_share
    from benchmarks.people import TEXTS, people_without, pictures
    from itportrait_core.guidance.clip import load_clip
    from itportrait_core.pocket.captions import PROMPTS

    base, judge, people = (
        itp.load_generator("pocket"),
        load_clip("pocket-judge"),
        people_without("glasses", 6, 7),
    )
    made = edit_portrait(base, TEXTS["glasses"], EditConfig(people=200))
    wanted = list(PROMPTS["glasses"]).index("yes")
    front = ((0.0, 0.0),)
    assert seen_share(judge, pictures(base, people, front), "glasses", wanted) <= 0.2
    assert seen_share(judge, pictures(made, people, front), "glasses", wanted) >= 0.8
