"""The table of loss terms: every weight of every config counts by its size, and every term is recorded."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from itportrait_core.errors import ITPortraitError
from itportrait_core.methods import configs
from itportrait_core.methods.couple.ite import ITE
from itportrait_core.methods.inversion.invert import invert
from itportrait_core.methods.shared.terms import DEPTH_TERMS, TERMS, Reference, View, weighted_sum
from itportrait_core.methods.shared.trainable import copy_for_training
from itportrait_core.methods.tuning.tune import TuningTask
from tests.core.tiny import (
    tiny_apt,
    tiny_clip,
    tiny_generator,
    tiny_perceptual,
    tiny_portrait,
    tiny_prior,
)

LABELS = {"identity": "id"}
CONFIGS = (configs.InversionConfig, configs.APTConfig, configs.ITEConfig, configs.TuningConfig)


@pytest.fixture(scope="module")
def parts():
    generator = tiny_generator()
    return generator, tiny_portrait(generator), tiny_perceptual()


@pytest.mark.parametrize("config", CONFIGS)
def test_every_weight_names_a_term_and_every_term_has_a_weight_somewhere(config):
    weights = {f.name for f in dataclasses.fields(config) if f.metadata.get("weight")}
    about = {f.name for f in dataclasses.fields(config) if re.match("Weight ", f.metadata["about"])}
    assert weights == about and weights <= set(TERMS)
    everywhere = {f.name for one in CONFIGS for f in dataclasses.fields(one) if f.metadata.get("weight")}
    assert everywhere == set(TERMS)


def test_the_sum_is_the_weighted_sum_and_records_each_term():
    terms = {name: dataclasses.replace(TERMS["background"], fn=lambda v, to, x=x: torch.tensor([x, x + 2.0]))
             for name, x in (("l2", 1.0), ("empty", 10.0))}  # fmt: skip
    losses: dict[str, float] = {"l2": 1.0}
    total = weighted_sum({"l2": 3.0, "empty": 0.5}, View(None), Reference(), losses, terms=terms, share=0.5)
    assert float(total) == 3.0 * 2.0 + 0.5 * 11.0
    assert losses == {"l2": 1.0 + 0.5 * 2.0, "empty": 0.5 * 11.0}
    begun = weighted_sum({"l2": 3.0}, View(None), Reference(), {}, terms=terms, start=torch.tensor(4.0))
    assert float(begun) == 10.0
    each = weighted_sum({"l2": 2.0}, View(None), Reference(), {}, terms=terms, per_sample=True)
    assert each.tolist() == [2.0, 6.0]


@pytest.mark.parametrize("name", [*TERMS, *(f"depth {kind}" for kind in DEPTH_TERMS)])
def test_a_term_that_lacks_what_it_needs_says_so(name):
    term = DEPTH_TERMS[name.split()[1]] if " " in name else TERMS[name]
    if not term.needs:
        pytest.skip("needs the render alone, or a number that has a default")
    with pytest.raises(ITPortraitError, match=f"needs {term.needs[0]}"):
        weighted_sum({"depth": 1.0}, View(None), Reference(), {}, terms={"depth": term})


def test_unknown_terms_are_refused():
    with pytest.raises(ITPortraitError, match="sparkle"):
        weighted_sum({"sparkle": 1.0}, View(None), Reference(), {})
    with pytest.raises(ITPortraitError, match="is weighted"):
        weighted_sum({}, View(None), Reference(), {})


def adds(plain: dict[str, float], more: dict[str, float], total: str, name: str, weight: float) -> None:
    """One more term of that weight adds weight times what is recorded of it, and nothing else."""
    label = LABELS.get(name, name)
    assert more[label] > 0
    assert more[total] - plain[total] == pytest.approx(weight * more[label], rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("name", sorted(configs.ITEConfig(**dict.fromkeys(
    ("depth", "empty", "background", "colour", "likeness", "patch"), 1.0)).weights()))  # fmt: skip
def test_a_weight_of_ite_counts(parts, name, monkeypatch):
    """All but the gate's two, which `test_ite` has."""
    from itportrait_core.guidance import background

    monkeypatch.setattr(background, "EMPTY", 2.0)  # the tiny generator's heads fill the picture
    generator, portrait, perceptual = parts
    grey = dataclasses.replace(portrait, image=torch.zeros_like(portrait.image))

    def losses(**changes: float) -> dict[str, float]:
        config = configs.ITEConfig(views=2, batch=1, patches=3, patch_reject=0.0, **changes)
        target = copy_for_training(tiny_generator(9), config.modules)
        rng, clips = torch.Generator().manual_seed(3), [tiny_clip()]
        style = tiny_generator(7)
        ite = ITE(generator, style, target, portrait.ws, "hat", clips, config, rng, grey, perceptual)
        return ite.step(0).losses

    adds(losses(), losses(**{name: 0.7}), "ite", name, 0.7)


@pytest.mark.parametrize("name", ["l2", "lpips", "depth"])
def test_a_weight_of_apt_on_the_picture_counts(parts, name):
    def losses(**changes: float) -> dict[str, float]:
        apt = tiny_apt(*parts, **{"l2": 0.2, "lpips": 0.2, **changes})
        apt.g_s.load_state_dict(tiny_generator(9).state_dict())
        return apt.step(0).losses

    plain = losses(**{name: 0.0})
    adds(plain, losses(**{name: 0.7}), "apt", name, 0.7)


def test_the_weight_of_the_reference_in_clips_space_counts(parts):
    """On the picture's own person, as `l2` and `lpips` do."""

    def losses(weight: float) -> dict[str, float]:
        apt = tiny_apt(*parts, [tiny_clip()], clip_reference=weight, clip_across=1e-9)
        apt.g_s.load_state_dict(tiny_generator(9).state_dict())
        return apt.step(0).losses

    more = losses(0.7)
    assert more["clip_reference"] > 0
    assert more["apt"] - losses(0.0)["apt"] == pytest.approx(0.7 * more["clip_reference"], rel=2e-3)


@pytest.mark.parametrize(
    "name",
    ["empty", "background", "shape", "colour", "clip", "variety", "clip_across", "clip_within", "texture"],
)
def test_a_weight_of_apt_on_random_people_counts(parts, name, monkeypatch):
    """Their gradients add up in proportion to the weight; the losses stand in the record."""
    from itportrait_core.guidance import background

    monkeypatch.setattr(background, "EMPTY", 2.0)
    generator, portrait, perceptual = parts
    if name == "colour":
        portrait = dataclasses.replace(portrait, image=torch.zeros_like(portrait.image))

    def gradient(weight: float) -> torch.Tensor:
        apt = tiny_apt(generator, portrait, perceptual, [tiny_clip()], **{name: weight})
        apt.g_s.load_state_dict(tiny_generator(9).state_dict())
        assert name in apt.regularizer.backward(0)
        return torch.cat([p.grad.flatten() for p in apt.g_s.parameters() if p.grad is not None])

    one, three = gradient(1.0), gradient(3.0)
    assert float(one.abs().max()) > 0
    assert torch.allclose(three, 3 * one, rtol=1e-3, atol=1e-5 * float(one.abs().max()))


@pytest.mark.parametrize("name", ["l2", "lpips", "identity", "depth", "w_reg", "clouds"])
def test_a_weight_of_inversion_counts(parts, name, monkeypatch):
    from itportrait_core.guidance import background

    monkeypatch.setattr(background, "SOLID", 2.0)  # the tiny generator's heads fill the picture
    generator, portrait, perceptual = parts

    def losses(weight: float) -> dict[str, float]:
        config = configs.InversionConfig(
            steps=1, start="nearest", start_samples=8, twin_samples=1, w_noise=0.0, realign_rounds=0,
            **{"l2": 0.1, "lpips": 0.1, "identity": 0.1, "depth": 0.1, "w_reg": 0.1, name: weight},
        )  # fmt: skip
        found = invert(generator, portrait.image, tiny_prior(), config, perceptual=perceptual)
        return found.history[0].losses

    adds(losses(0.0), losses(0.7), "total", name, 0.7)


@pytest.mark.parametrize("name", ["l2", "lpips", "raw", "depth"])
def test_a_weight_of_tuning_counts(parts, name):
    generator, portrait, perceptual = parts

    def losses(weight: float) -> dict[str, float]:
        values = {"l2": 0.1, "lpips": 0.1, "raw": 0.1, "depth": 0.1, name: weight}
        config = configs.TuningConfig(depth_views=2, **values)
        tuned = copy_for_training(tiny_generator(9), config.modules)
        rng = torch.Generator().manual_seed(3)
        return TuningTask(generator, tuned, portrait, config, perceptual, rng).update(0).losses

    adds(losses(0.0), losses(0.7), "tune", name, 0.7)
