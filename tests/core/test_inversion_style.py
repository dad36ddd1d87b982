"""Inversion through the style prior: the code moves with the latent, is kept, and is what APT begins with."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

import itportrait_core as itp
from itportrait_core.checkpoints.tensor_file import open_tensors
from itportrait_core.methods.shared.latent_whitening import LatentWhitening
from itportrait_core.methods.shared.style_priors import style_prior_of
from itportrait_core.methods.style.instant import instant_style_of
from itportrait_core.methods.stylize.start import others_of, start_of

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
    begins = start_of(generator, [portrait], itp.APTConfig(start="prior")).state_dict()
    assert all(torch.equal(value, begins[name]) for name, value in styled.state_dict().items())


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


def test_others_are_compared_with_what_the_prior_reads_alone(
    generator: torch.nn.Module, portrait: itp.Portrait
) -> None:
    read = itp.instant_style(generator, portrait.image).state_dict()
    compared = others_of(generator, [portrait], itp.APTConfig(start="prior")).state_dict()
    assert all(torch.equal(value, compared[name]) for name, value in read.items())
    original = others_of(generator, [portrait], itp.APTConfig()).state_dict()
    assert all(torch.equal(value, original[name]) for name, value in generator.state_dict().items())


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
