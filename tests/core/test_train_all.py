"""`train all`: the order, the shares, what is skipped, what starts anew, and a whole run that was stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from itportrait_core.__main__ import main
from itportrait_core.checkpoints import embedded
from itportrait_core.checkpoints.format import load_generator, read_header
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.lineage import weights_hash
from itportrait_core.pocket.training import command, family, generator, heads_seen, loop, real_lpips
from tests.core.test_training_loop import Clock
from tests.core.tiny_family import make_small


@pytest.fixture(autouse=True)
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real LPIPS counts as installed."""
    monkeypatch.setattr(real_lpips, "weights_file", lambda net: Path(net))


def leave(folder: Path, name: str, minutes: float) -> None:
    """What a training of so many minutes leaves, without its numbers."""
    folder.mkdir(exist_ok=True)
    for stage, share in family.stages(name, minutes).items():
        torch.save({"elapsed": share * 60}, loop.resume_file(folder, stage))
    (folder / family.file_of(name)).write_bytes(b"")


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that were trained into `tmp_path / "out"`, with a stand-in for every training."""
    monkeypatch.setattr(family, "fits_generator", lambda folder: True)
    return []


def train_all(tmp_path: Path, names: list[str], minutes: float, without: tuple[str, ...] = ()) -> None:
    folder = tmp_path / "out"

    def train(name: str, share: float) -> None:
        names.append(name)
        leave(folder, name, share)

    family.train_all(folder, minutes, without, train)


def test_every_network_has_a_trainer_a_place_and_a_share() -> None:
    assert set(family.MINUTES) == set(command.TRAINERS)
    assert {family.file_of(name) for name in family.MINUTES} == {f"{n}.safetensors" for n in embedded.NAMES}
    assert sum(family.shares(10.0).values()) == pytest.approx(10.0)
    assert sum(family.shares(10.0, ["generator"]).values()) == pytest.approx(10.0)
    order = list(family.MINUTES)
    for first, later in (("photo", "encoder"), ("generator", "style_prior"), ("style_prior", "style_code")):
        assert order.index(first) < order.index(later)


@pytest.mark.parametrize("name", ["photo", "pose", "identity", "perceptual", "clip_guide", "clip_judge"])
def test_shares_are_what_the_shipped_file_says(name: str) -> None:
    assert read_header(embedded.path(name)).lineage["minutes"] == family.MINUTES[name]


def test_what_is_finished_is_skipped_and_more_minutes_go_on(tmp_path: Path, trained: list[str]) -> None:
    train_all(tmp_path, trained, 20.0)
    assert trained == list(family.MINUTES)
    trained.clear()
    train_all(tmp_path, trained, 20.0)
    assert trained == []
    (tmp_path / "out" / "pose.safetensors").unlink()
    train_all(tmp_path, trained, 20.0)
    assert trained == ["pose"]
    trained.clear()
    train_all(tmp_path, trained, 30.0)
    assert trained == list(family.MINUTES)


def test_a_later_stage_starts_anew_when_its_first_learns_on(tmp_path: Path, trained: list[str]) -> None:
    """Continuing it would bring back the basis, or the answers, from before."""
    train_all(tmp_path, trained, 20.0)
    train_all(tmp_path, trained, 30.0)
    old = {file.name for file in (tmp_path / "out").glob("*.old.pt")}
    assert old == {"encoder.resume.old.pt", "style_code.resume.old.pt"}


def test_a_style_prior_of_another_generator_starts_anew(tmp_path, trained, monkeypatch) -> None:
    train_all(tmp_path, trained, 20.0)
    trained.clear()
    monkeypatch.setattr(family, "fits_generator", lambda folder: trained[-1:] == ["style_code"])
    train_all(tmp_path, trained, 20.0)
    assert trained == ["style_prior", "style_code"]
    assert {file.name for file in (tmp_path / "out").glob("*.old.pt")} == {
        "style_code.resume.old.pt", "style_prior.resume.old.pt",
    }  # fmt: skip


def test_a_missing_teacher_is_told_before_anything_is_trained(tmp_path, trained, monkeypatch) -> None:
    def missing(net: str) -> Path:
        raise FileNotFoundError(net)

    monkeypatch.setattr(real_lpips, "weights_file", missing)
    with pytest.raises(ITPortraitError, match=r"pip install.*--without perceptual"):
        train_all(tmp_path, trained, 20.0)
    assert trained == []
    train_all(tmp_path, trained, 20.0, ("perceptual",))
    assert trained == [name for name in family.MINUTES if name != "perceptual"]
    leave(tmp_path / "out", "perceptual", 20.0)
    train_all(tmp_path, trained, 20.0)  # nothing is to be learned from it any more


@pytest.mark.parametrize(
    "words", [["all", "--begin", "x"], ["pose", "--without", "photo"], ["all", "--minutes", "0"]]
)
def test_arguments_that_make_no_sense_are_refused(words: list[str], capsys) -> None:
    assert main(["train", *words]) == 1
    assert words[-2] in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_a_card_that_is_not_there_is_told_at_once(tmp_path: Path, capsys) -> None:
    assert main(["train", "all", "--device", "cuda", "--out", str(tmp_path / "out")]) == 1
    assert "finds no card" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_by_the_same_command(tmp_path, monkeypatch, capsys) -> None:
    """All ten trainers, made small; Ctrl-C in the generator's third step."""
    make_small(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr(loop, "time", Clock())
    monkeypatch.setattr(heads_seen, "CHUNK", 2)
    steps, true_losses = [], generator.step_losses

    def losses(trainer: loop.Trainer, *others: object) -> dict[str, torch.Tensor]:
        steps.append(trainer.step)
        if steps == [0, 1, 2]:
            os.kill(os.getpid(), signal.SIGINT)
        return true_losses(trainer, *others)

    monkeypatch.setattr(generator, "step_losses", losses)
    folder = tmp_path / "out"
    words = ["train", "all", "--minutes", str(10 / 60), "--out", str(folder)]
    assert main(words) == command.INTERRUPTED
    assert "It goes on by the same command" in capsys.readouterr().out
    assert main(words) == 0 and steps == [0, 1, 2, 3, 4]
    written = capsys.readouterr().out
    assert "generator: continuing at step 3" in written and "evaluate style_prior" in written
    assert {file.name for file in folder.glob("*.safetensors")} == {
        *(f"{name}.safetensors" for name in embedded.NAMES), "encoder_first.safetensors",
    }  # fmt: skip
    own = weights_hash(load_generator(folder / "generator.safetensors"))
    assert read_header(folder / "style_prior.safetensors").config["base_hash"] == own
    assert read_header(folder / "style_prior.safetensors").lineage["minutes"] == 0.0
    assert main(words) == 0 and capsys.readouterr().out.count("finished") == len(family.MINUTES)
