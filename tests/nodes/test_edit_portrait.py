"""Edit Portrait as a node: by example on the embedded generator, and by a text whose relevance is on disk."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import torch


def part(pack: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{pack.__name__}.{name}")


@pytest.fixture(scope="module")
def base(pack: ModuleType) -> Any:
    path = part(pack, "itportrait_core.checkpoints.embedded").path("generator")
    return part(pack, "nodes.sockets").GeneratorHandle.read(path)


def test_an_example_edits_and_the_same_again_is_the_same_file(pack: ModuleType, base: Any) -> None:
    sockets, portraits = part(pack, "nodes.sockets"), part(pack, "itportrait_core.methods.shared.portrait")
    before, after = (sockets.PortraitHandle(portraits.sample_portrait(base.open(), seed)) for seed in (1, 2))
    run = part(pack, "nodes.edit_portrait").EditPortrait.execute
    given = {"text": "", "strength": 1.0, "disentangle": 0.0, "source_text": "a person"}
    one = run(generator=base, before=before, after=after, **given).args[0]
    assert one.lineage["method"] == "edit" and one.sha256 != base.sha256
    assert run(generator=base, before=before, after=after, **given).args[0].path == one.path
    with pytest.raises(part(pack, "itportrait_core.errors").ITPortraitError, match="Give one of both"):
        run(generator=base, **given)


def test_a_text_on_the_embedded_networks_measures_nothing(
    pack: ModuleType, base: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes with the pack is of the networks that come with it."""
    relevance = part(pack, "itportrait_core.methods.style.relevance")
    monkeypatch.setattr(relevance, "measure_relevance", lambda *given: pytest.fail("measured"))
    given = {"text": "a person wearing glasses", "disentangle": 0.1, "source_text": "a person"}
    made = part(pack, "nodes.edit_portrait").EditPortrait.execute(generator=base, strength=1.0, **given)
    assert made.args[0].sha256 != base.sha256


def test_a_text_measures_once(pack: ModuleType, base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node, calls = part(pack, "nodes.edit_portrait"), []
    relevance = part(pack, "itportrait_core.methods.style.relevance")
    measure = relevance.measure_relevance

    def few(model: Any, clip: Any, people: int, seed: int, on_person: Any) -> Any:
        calls.append(people)
        return measure(model, clip, 16, seed, on_person)

    monkeypatch.setattr(relevance, "measure_relevance", few)
    monkeypatch.setattr(relevance, "shipped_relevance", lambda *given: None)  # as for networks of one's own
    given = {"text": "a smiling person", "disentangle": 0.1, "source_text": "a person"}
    made = [node.EditPortrait.execute(generator=base, strength=a, **given).args[0] for a in (0.5, 1.0)]
    assert calls == [512] and made[0].sha256 != made[1].sha256
    weights = [dict(one.open().named_parameters()) for one in (base, *made)]
    name = "backbone.synthesis.b8.conv0.affine.bias"
    half, whole = (one[name] - weights[0][name] for one in weights[1:])
    assert torch.allclose(2 * half, whole, atol=1e-5) and bool(whole.any())
