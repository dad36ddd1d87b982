"""Inversion through the style prior: the code moves with the latent, is kept, and is what APT begins with."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

import itportrait_core as itp
from itportrait_core.checkpoints.tensor_file import open_tensors
from itportrait_core.guidance.perceptual import load_perceptual
from itportrait_core.methods.shared.latent_whitening import LatentWhitening
from itportrait_core.methods.shared.style_priors import style_prior_of
from itportrait_core.methods.shared.trainable import copy_for_training
from itportrait_core.methods.style.instant import instant_style_of
from itportrait_core.methods.stylize.apt import APT
from itportrait_core.methods.stylize.regularizer import FIRMEST, firmness
from itportrait_core.methods.stylize.start import start_of

QUICK = itp.InversionConfig(
    steps=6, pose_preheat=0, pose_init="frontal", start_samples=8, stop_window=0, w_noise=0.0, whiten=True,
    style="prior", lr_style=0.002, identity=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def generator() -> torch.nn.Module:
    return itp.load_generator("pocket")


@pytest.fixture(scope="module")
def picture(generator: torch.nn.Module) -> Tensor:
    """A person of the generator, with swapped colours."""
    with torch.no_grad():
        shown = generator.synthesis(generator.mapping(torch.ones(1, generator.z_dim)), itp.cameras.front())
    return shown.image.clamp(-1, 1).flip(1)


@pytest.fixture(scope="module")
def portrait(generator: torch.nn.Module, picture: Tensor) -> itp.Portrait:
    return itp.invert(generator, picture, config=QUICK)


def test_the_code_leaves_the_encoders_answer_and_is_in_the_file(
    generator: torch.nn.Module, picture: Tensor, portrait: itp.Portrait, tmp_path: Path
) -> None:
    prior = style_prior_of(generator)
    assert prior is not None
    read, found = prior.code(picture), torch.tensor(portrait.report["style_code"])
    assert found.shape == read.shape and not torch.allclose(found, read, atol=1e-4)
    again = itp.Portrait.load(portrait.save(tmp_path / "person.safetensors"))
    assert again.report["style_code"] == portrait.report["style_code"]


def test_a_step_of_zero_keeps_the_encoders_answer(generator: torch.nn.Module, picture: Tensor) -> None:
    prior = style_prior_of(generator)
    assert prior is not None
    still = itp.invert(generator, picture, config=QUICK.replace(lr_style=0.0, steps=3))
    assert torch.equal(torch.tensor(still.report["style_code"]), prior.code(picture))


def test_style_and_reconstruction_are_by_the_portraits_code(
    generator: torch.nn.Module, portrait: itp.Portrait
) -> None:
    styled = instant_style_of(generator, portrait)
    drawn = styled.synthesis(portrait.ws, portrait.camera).image
    assert torch.allclose(drawn, itp.reconstruction(generator, portrait), atol=1e-4)
    by_picture = itp.instant_style(generator, portrait.image).synthesis(portrait.ws, portrait.camera).image
    assert not torch.allclose(drawn, by_picture, atol=1e-3)


def test_every_layer_of_the_latent_is_held_to_people(generator: torch.nn.Module) -> None:
    """The code explains the picture's colours, so the fine layers need not."""
    people = generator.mapping(torch.randn(64, generator.z_dim, generator=torch.Generator().manual_seed(3)))
    mean = people.mean(dim=0, keepdim=True)
    some, every = (LatentWhitening(generator, mean, all_layers=one) for one in (False, True))
    nobody = people[:1].clone()
    nobody[:, -3:] += 3.0
    assert torch.allclose(some.mahalanobis(nobody), some.mahalanobis(people[:1]))
    assert every.mahalanobis(nobody) > 2 * every.mahalanobis(people[:1])
    assert torch.allclose(every.from_units(every.to_units(nobody)), nobody, atol=1e-3)


@pytest.mark.parametrize(
    "code", [[0.0], "code", [float("nan")] * 64, [None] * 64, {"a": 1}, [True] * 64, [10**400] * 64]
)
def test_a_foreign_code_is_refused(generator: torch.nn.Module, portrait: itp.Portrait, code: object) -> None:
    damaged = itp.Portrait(portrait.ws, portrait.camera, portrait.image, {"style_code": code})
    with pytest.raises(itp.ITPortraitError, match="invert the picture again"):
        instant_style_of(generator, damaged)


def test_a_run_that_was_cut_off_goes_on_bit_for_bit(
    generator: torch.nn.Module, picture: Tensor, portrait: itp.Portrait, tmp_path: Path
) -> None:
    class Cut(Exception):
        pass

    steps = itertools.count()

    def cut(*_: object) -> None:
        if next(steps) == 3:
            raise Cut

    point = tmp_path / "point"
    with pytest.raises(Cut):
        itp.invert(generator, picture, config=QUICK, on_step=cut, resume=point, every_steps=2)
    again = itp.invert(generator, picture, config=QUICK, resume=point, every_steps=2)
    assert torch.equal(again.ws, portrait.ws)
    assert again.report["style_code"] == portrait.report["style_code"]


def test_apt_begins_at_what_the_prior_reads_beyond_the_person(
    generator: torch.nn.Module, portrait: itp.Portrait
) -> None:
    prior = style_prior_of(generator)
    assert prior is not None
    with torch.no_grad():
        person = generator.synthesis(portrait.ws, portrait.camera).image.clamp(-1, 1)
        code = prior.code(portrait.image) - prior.code(person)
    asked = itp.APTConfig(start="prior")
    compared = start_of(generator, [portrait], asked).state_dict()
    assert all(
        torch.equal(value, compared[name])
        for name, value in prior.styled(generator, code).state_dict().items()
    )
    original = start_of(generator, [portrait], itp.APTConfig()).state_dict()
    assert all(torch.equal(value, original[name]) for name, value in generator.state_dict().items())


def test_of_a_latent_that_imitates_the_art_nothing_is_taken_away(
    generator: torch.nn.Module, portrait: itp.Portrait
) -> None:
    plain = itp.Portrait(portrait.ws, portrait.camera, portrait.image)
    read = itp.instant_style(generator, portrait.image).state_dict()
    compared = start_of(generator, [plain], itp.APTConfig(start="prior")).state_dict()
    assert all(torch.equal(value, compared[name]) for name, value in read.items())


def test_a_photo_of_the_person_is_no_style(generator: torch.nn.Module, portrait: itp.Portrait) -> None:
    with torch.no_grad():
        photo = generator.synthesis(portrait.ws, portrait.camera).image.clamp(-1, 1)
    asked = itp.Portrait(portrait.ws, portrait.camera, photo, portrait.report)
    compared = start_of(generator, [asked], itp.APTConfig(start="prior")).state_dict()
    for name, value in generator.state_dict().items():
        assert torch.allclose(value, compared[name], atol=1e-5), name


def test_others_are_held_more_firmly_the_nearer_a_style_lies_to_the_photo(
    generator: torch.nn.Module, portrait: itp.Portrait
) -> None:
    prior = style_prior_of(generator)
    assert prior is not None
    with torch.no_grad():
        code = prior.code(portrait.image)
    shares = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 3.0)
    held = [firmness(generator, prior.styled(generator, share * code)) for share in shares]
    assert held == sorted(held, reverse=True) and held[0] == FIRMEST and held[-1] == 1.0
    assert any(1.0 < one < FIRMEST for one in held)

    def weight(start: str) -> float:
        config = itp.APTConfig(start=start, prior=2.0)
        begins = start_of(generator, [portrait], config)
        trained = copy_for_training(begins, config.modules)
        apt = APT(begins, trained, portrait, config, load_perceptual(), torch.Generator(), photo=generator)
        return apt.regularizer.weights["prior"]

    assert weight("prior") == 2.0 * firmness(
        generator, start_of(generator, [portrait], itp.APTConfig(start="prior"))
    )
    assert weight("original") == 2.0


def test_a_code_beyond_float32_is_refused(generator: torch.nn.Module, portrait: itp.Portrait) -> None:
    huge = itp.Portrait(portrait.ws, portrait.camera, portrait.image, {"style_code": [1e300] * 64})
    with pytest.raises(itp.ITPortraitError, match="style code"):
        instant_style_of(generator, huge)


def test_a_still_code_is_no_part_of_a_resume_point(
    generator: torch.nn.Module, picture: Tensor, tmp_path: Path
) -> None:
    """Points that were laid down before codes moved hold none, and are taken up."""
    point = tmp_path / "point.safetensors"
    config = QUICK.replace(lr_style=0.0, steps=2)
    itp.invert(generator, picture, config=config, resume=point, every_steps=1, keep_point=True)
    with open_tensors(point) as file:
        names = file.keys()
    assert names and not [name for name in names if "code" in name]
