"""Recipe cards: a file is drawn again from its card alone, and what does not fit is named."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import torch
from harness import stand_ins
from PIL import Image

from itportrait_core.__main__ import main
from itportrait_core.checkpoints.format import save_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.style.style_file import save_style
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import CHUNK, Card, bytes_hash, describe_weights, parse, versions
from itportrait_core.recipes.drawing import difference_card, generator_card, picture_pixels, portrait_card
from itportrait_core.recipes.notes import make_notes
from itportrait_core.recipes.verdict import CLOSE, DIFFERENT, IDENTICAL, UNKNOWN
from itportrait_core.recipes.verify import verify
from itportrait_core.rendering import cameras
from itportrait_core.rendering.views import render_views

VIEW = 5
"""A view of the second chunk of a batch."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator file."""
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    return save_generator(stand_ins.generator(), file, {"method": "apt", "text": "old"}, license="CC0-1.0")


@pytest.fixture(scope="module")
def generator() -> EG3DGenerator:
    return stand_ins.generator().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def person(generator: EG3DGenerator) -> Portrait:
    return sample_portrait(generator, 4, truncation=0.8)


@pytest.fixture
def picture(tmp_path: Path, weights: Path, generator: EG3DGenerator, person: Portrait) -> Path:
    """One of seven views as Save Pictures writes it."""
    labels = cameras.orbit([float(yaw) for yaw in range(-30, 40, 10)]).float()
    card = Card("picture", describe_weights(weights), person.report, {}, versions(), person.ws, labels)
    pixels = picture_pixels(render_views(generator, person.ws, labels, CHUNK).images[VIEW])
    card = dataclasses.replace(card.for_view(VIEW), proof=bytes_hash(pixels))
    file = tmp_path / "picture.png"
    file.write_bytes(carriers.png_bytes(pixels, make_notes(card, None, None, private=False)))
    return file


def change(file: Path, **fields: object) -> None:
    """Write a PNG again with another card."""
    card = dataclasses.replace(parse(carriers.read_notes(file)[carriers.KEY]), **fields)
    file.write_bytes(
        carriers.png_bytes(carriers.png_pixels(file), make_notes(card, None, None, private=False))
    )


def test_a_picture_is_drawn_again_bit_for_bit(picture: Path, weights: Path) -> None:
    verdict = verify(picture, [weights.parent])
    assert (verdict.result, verdict.holds) == (IDENTICAL, True)
    assert any("CC0-1.0" in fact for fact in verdict.facts)


def test_a_card_survives_its_text(picture: Path) -> None:
    text = carriers.read_notes(picture)[carriers.KEY]
    assert parse(text).to_json() == text
    assert parse(text).weights["lineage"] == {"method": "apt", "text": "old"}


def test_pixels_changed_by_a_hair_are_within_tolerance_and_said(picture: Path, weights: Path) -> None:
    notes, pixels = carriers.read_notes(picture), carriers.png_pixels(picture)
    pixels[3, 4, 1] = pixels[3, 4, 1] - 2 if pixels[3, 4, 1] > 2 else pixels[3, 4, 1] + 2
    picture.write_bytes(carriers.png_bytes(pixels, notes))
    verdict = verify(picture, [weights])
    assert verdict.result == CLOSE
    assert "2 at most" in verdict.facts[-1] and "changed after the render" in " ".join(verdict.facts)


def test_a_painted_picture_differs(picture: Path, weights: Path) -> None:
    notes, pixels = carriers.read_notes(picture), carriers.png_pixels(picture)
    pixels[:10] = 0
    picture.write_bytes(carriers.png_bytes(pixels, notes))
    assert verify(picture, [weights]).result == DIFFERENT


def test_another_size_is_named(picture: Path, weights: Path) -> None:
    notes, pixels = carriers.read_notes(picture), carriers.png_pixels(picture)
    picture.write_bytes(carriers.png_bytes(pixels[:16, :16].contiguous(), notes))
    verdict = verify(picture, [weights])
    assert verdict.result == DIFFERENT
    assert "the file has 16 x 16 pixels, the recipe draws 32 x 32" in verdict.facts[-1]


def test_missing_weights_are_named(picture: Path) -> None:
    verdict = verify(picture)
    assert (verdict.result, verdict.holds) == (UNKNOWN, False)
    assert "missing weights" in verdict.facts[-1] and "tiny.safetensors" in verdict.facts[-1]


def test_weights_of_the_same_name_but_another_hash_are_named(picture: Path, tmp_path: Path) -> None:
    save_generator(stand_ins.generator(seed=9), tmp_path / "other" / "tiny.safetensors")
    verdict = verify(picture, [tmp_path / "other"])
    assert verdict.result == UNKNOWN
    assert any(fact.startswith("other hash") for fact in verdict.facts)


def test_weights_are_known_by_content_whatever_their_name(
    picture: Path, weights: Path, tmp_path: Path
) -> None:
    """The history in a header may differ, as after saving again; the numbers count."""
    save_generator(stand_ins.generator(), tmp_path / "renamed" / "x.safetensors", {"method": "none"})
    assert verify(picture, [tmp_path / "renamed"]).result == IDENTICAL


def test_weights_in_the_comfyui_around_the_file_are_found(
    picture: Path, weights: Path, tmp_path: Path
) -> None:
    models, output = tmp_path / "models" / "itportrait", tmp_path / "output" / "itportrait"
    models.mkdir(parents=True)
    output.mkdir(parents=True)
    (models / "a.safetensors").write_bytes(weights.read_bytes())
    assert verify(picture.rename(output / picture.name)).result == IDENTICAL


@pytest.mark.skipif(os.name == "nt", reason="pipes and links of Unix")
def test_odd_neighbours_do_not_stop_a_verification(picture: Path, weights: Path, tmp_path: Path) -> None:
    models = tmp_path / "models" / "itportrait"
    models.mkdir(parents=True)
    (models / "a dangling.safetensors").symlink_to(tmp_path / "nowhere")
    (models / "a self.safetensors").symlink_to(models / "a self.safetensors")
    (models / "a loop").symlink_to(models, target_is_directory=True)
    os.mkfifo(models / "a pipe.safetensors")
    (models / "a short.safetensors").write_bytes(weights.read_bytes()[:-9])
    header = b'{"__metadata__":{"family":"eg3d","format_version":"1","config":"' + b"[" * 9999 + b'"}}'
    (models / "a deep.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (models / "z good.safetensors").write_bytes(weights.read_bytes())
    assert verify(picture).result == IDENTICAL


def test_other_versions_are_named(picture: Path, weights: Path) -> None:
    change(picture, versions={"itportrait": "0.0.9", "torch": "1.0", "comfyui": "0.3.75"})
    facts = verify(picture, [weights]).facts
    assert any("itportrait 0.0.9 then" in fact for fact in facts)
    assert any("torch 1.0 then" in fact for fact in facts)


def test_a_generator_proves_its_own_weights(tmp_path: Path) -> None:
    file = save_generator(stand_ins.generator(), tmp_path / "style.safetensors")
    before = file.read_bytes()
    card = generator_card(file, {})
    carriers.attach(file, make_notes(card, None, None, private=False))
    assert verify(file).result == IDENTICAL
    assert file.read_bytes()[-4096:] == before[-4096:]
    forged = save_generator(stand_ins.generator(seed=5), tmp_path / "forged.safetensors")
    carriers.attach(forged, make_notes(card, None, None, private=False))
    verdict = verify(forged)
    assert verdict.result == DIFFERENT
    assert any(fact.startswith("other hash") for fact in verdict.facts)


@pytest.mark.parametrize("budget", [0.0, 0.05])
def test_a_difference_is_drawn_on_its_base(weights: Path, tmp_path: Path, budget: float) -> None:
    """Base and difference together give the test picture; without the very base, that is said."""
    style, name = stand_ins.generator(seed=3).eval(), "style.safetensors"
    style.lineage = {"method": "apt", "seed": 3, "history": [{"long": True}]}
    file = save_style(style, stand_ins.generator(), tmp_path / name, budget_mb=budget)
    card = difference_card(file, stand_ins.generator(), weights, {})
    carriers.attach(file, make_notes(card, None, None, private=False))
    assert verify(file, [weights]).result == IDENTICAL
    assert card.weights["license"] == "CC0-1.0" and card.weights["lineage"] == {"method": "apt", "seed": 3}
    lost = verify(file)
    assert lost.result == UNKNOWN and "'tiny.safetensors'" in lost.facts[-1]
    other = save_style(stand_ins.generator(seed=4), stand_ins.generator(), tmp_path / "other.safetensors")
    carriers.attach(other, make_notes(card, None, None, private=False))
    verdict = verify(other, [weights])
    assert verdict.result == DIFFERENT and any(fact.startswith("other hash") for fact in verdict.facts)


def test_a_difference_that_names_no_base_is_refused(weights: Path, tmp_path: Path) -> None:
    file = save_style(stand_ins.generator(seed=3), stand_ins.generator(), tmp_path / "style.safetensors")
    card = difference_card(file, stand_ins.generator(), weights, {})
    facts = {name: value for name, value in card.weights.items() if name != "base"}
    forged = dataclasses.replace(card, weights=facts)
    carriers.attach(file, make_notes(forged, None, None, private=False))
    with pytest.raises(ITPortraitError, match="names no base"):
        verify(file, [weights])


def test_a_person_is_drawn_again(weights: Path, person: Portrait, tmp_path: Path) -> None:
    facts = {name: describe_weights(weights)[name] for name in ("content", "license")}
    signed = dataclasses.replace(person, report={**person.report, "generator": facts})
    file = signed.save(tmp_path / "person.safetensors")
    carriers.attach(file, make_notes(portrait_card(signed, {}), None, None, private=False))
    assert verify(file, [weights]).result == IDENTICAL
    other = dataclasses.replace(signed, ws=signed.ws + 0.5).save(tmp_path / "other.safetensors")
    carriers.attach(other, make_notes(portrait_card(signed, {}), None, None, private=False))
    assert verify(other, [weights]).result == DIFFERENT


def test_files_without_a_card_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(ITPortraitError, match="no recipe card"):
        verify(tmp_path / "plain.png")


def test_the_command_says_what_it_found(
    picture: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(picture), "--weights", str(weights)]) == 0
    assert "picture.png: identical" in capsys.readouterr().out
    assert main(["verify", str(picture), str(tmp_path / "gone.png"), "--weights", str(weights)]) == 1
    said = capsys.readouterr()
    assert "no file" in said.out and "1 of 2 files" in said.err


def test_nothing_global_is_changed(picture: Path, weights: Path) -> None:
    """Checking a file leaves torch's dice and gradient mode as they were."""
    torch.manual_seed(1)
    state = torch.get_rng_state()
    verify(picture, [weights])
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled()
