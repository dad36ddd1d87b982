"""Results of trainings: none is lost, none is made twice, none replaces another."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness import stand_ins

from itportrait_core.checkpoints.format import save_generator
from itportrait_core.recipes.carriers import KEY, read_notes


@pytest.fixture(scope="module")
def results(pack: ModuleType) -> ModuleType:
    """The module under test."""
    return importlib.import_module(f"{pack.__name__}.nodes.results")


@pytest.fixture
def base(pack: ModuleType, tmp_path: Path) -> Any:
    """A handle of a small generator."""
    sockets = importlib.import_module(f"{pack.__name__}.nodes.sockets")
    return sockets.GeneratorHandle.read(save_generator(stand_ins.generator(), tmp_path / "base.safetensors"))


class Trainer:
    """A training that counts how often it is asked."""

    def __init__(self, results: ModuleType, base: Any, stopped: int = 0) -> None:
        self.results, self.base, self.stopped, self.count = results, base, stopped, 0

    def __call__(self) -> Any:
        self.count += 1
        module = self.base.weights()
        module.lineage = {"text": "an old man", "history": []}
        return self.results.Made((module,), self.stopped)


@pytest.fixture
def trainer(results: ModuleType, base: Any) -> Trainer:
    return Trainer(results, base)


def facts_of(results: ModuleType, base: Any, name: str) -> dict[str, Any]:
    facts = results.recipe("apt", base, name=name)
    for file in results.run_file(facts).parent.glob("*"):
        file.unlink()
    return facts


def test_a_result_that_cannot_be_written_is_not_made_twice(
    results: ModuleType, base: Any, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk after a finished training: the resume point stays, and the next queue only writes."""
    facts = facts_of(results, base, "full")
    point = results.resume_file(facts)
    point.parent.mkdir(parents=True, exist_ok=True)
    point.touch()

    def full(*arguments: Any, **named: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(results.itp, "save_generator", full)
        with pytest.raises(ValueError, match="No space left"):
            results.produce(facts, ("",), base, trainer)
    assert point.exists() and os.listdir(point.parent) == [point.name]
    (handle,) = results.produce(facts, ("",), base, trainer)
    assert trainer.count == 1 and handle.path.is_file() and not point.exists()
    assert KEY in read_notes(handle.path)
    assert results.produce(facts, ("",), base, trainer)[0].sha256 == handle.sha256 and trainer.count == 1


def test_a_cut_off_result_is_set_aside_and_made_anew(
    results: ModuleType, base: Any, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    facts = facts_of(results, base, "cut")
    (handle,) = results.produce(facts, ("",), base, trainer)
    for damage in (handle.path.read_bytes()[:-100], b"", b"{}"):
        handle.path.write_bytes(damage)
        with caplog.at_level(logging.WARNING):
            (again,) = results.produce(facts, ("",), base, trainer)
        assert again.path == handle.path and again.lineage == handle.lineage
    assert trainer.count == 4
    assert sum("made anew" in record.message for record in caplog.records) == 3
    assert len(list(handle.path.parent.glob("*.damaged"))) == 3


def test_a_deleted_folder_is_noticed_and_memory_helps_out(
    results: ModuleType, base: Any, trainer: Trainer
) -> None:
    """README lets people delete `runs` whenever they like, under a running server too."""
    facts = facts_of(results, base, "gone")
    (handle,) = results.produce(facts, ("",), base, trainer)
    opened = handle.open()
    before = results.generation()
    shutil.rmtree(handle.path.parent)
    assert results.generation() != before  # nodes ask for this, so the next queue makes the file again
    assert results.generation() == results.generation()
    assert handle.open() is opened
    kept = handle.weights().state_dict()
    assert kept.keys() == opened.state_dict().keys()
    (again,) = results.produce(facts, ("",), base, trainer)
    assert again.path.is_file() and trainer.count == 2


def test_results_that_were_stopped_early_have_names_of_their_own(results: ModuleType, base: Any) -> None:
    facts, trainer = facts_of(results, base, "stopped"), Trainer(results, base, stopped=7)
    names = [results.produce(facts, ("",), base, trainer)[0].path.name for _ in range(2)]
    assert trainer.count == 2 and len(set(names)) == 2
    assert all("-kept-7" in name for name in names)


def test_with_metadata_disabled_no_result_holds_what_was_typed(
    pack: ModuleType, results: ModuleType, base: Any, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = importlib.import_module(f"{pack.__name__}.nodes.recipes")
    monkeypatch.setattr(recipes.args, "disable_metadata", True)
    (handle,) = results.produce(facts_of(results, base, "typed"), ("",), base, trainer)
    assert b"old man" not in handle.path.read_bytes()


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8188", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_only_the_editors_page_stops_a_training(
    pack: ModuleType, headers: dict[str, str], allowed: bool
) -> None:
    stopping = importlib.import_module(f"{pack.__name__}.nodes.stopping")
    check: Callable[[dict[str, str]], bool] = stopping.is_own_page
    assert check(headers) is allowed


def test_what_clip_does_not_read_is_said(pack: ModuleType) -> None:
    """Two texts that differ behind the limit give the same direction, so the node names the rest."""
    from itportrait_core.guidance.clip import load_clip

    couple = importlib.import_module(f"{pack.__name__}.nodes.couple")

    class Clip:
        models = (load_clip("pocket-guide"),)

    long = "a person " + "wearing glasses " * 20 + "and a purple hat"
    said = couple.unread(Clip(), long, "a person", False)
    assert "36 tokens" in said and said.endswith("and a purple hat")
    assert couple.unread(Clip(), "wearing glasses", "a person", False) == ""
