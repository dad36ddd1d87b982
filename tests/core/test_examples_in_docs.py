"""The examples in docstrings of public names, and the one on the first page, run as they stand."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import torch
from harness import stand_ins
from harness.environment import ROOT

import itportrait_core as itp
from itportrait_core.checkpoints import embedded
from itportrait_core.checkpoints.format import save_model
from itportrait_core.methods.shared import presets, style_priors
from itportrait_core.methods.shared.lineage import weights_hash
from itportrait_core.networks.style_basis import changed_shapes
from itportrait_core.networks.style_prior import StylePrior, StylePriorConfig


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained networks, in whose place a user's own may stand as well: a step takes a moment."""
    folder = stand_ins.write(tmp_path_factory.mktemp("weights"))
    generator = itp.load_generator(folder / "generator.safetensors")
    shapes = changed_shapes(dict(generator.named_parameters()))
    prior = StylePrior(StylePriorConfig(weights_hash(generator), shapes, code_dim=4, rank=2))
    prior.basis.initialise(dict(generator.named_parameters()), torch.Generator().manual_seed(0))
    save_model(prior, folder / "style_prior.safetensors", family="style_prior")
    return folder


@pytest.fixture
def small_pocket(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """`weights` in place of the embedded ones, in an empty folder."""
    monkeypatch.setattr(embedded, "FOLDER", weights)
    style_priors._loaded.cache_clear()
    request.addfinalizer(style_priors._loaded.cache_clear)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", itp.__all__)
def test_a_public_name_shows_how_it_is_used(name: str, small_pocket: None) -> None:
    """Every public name has an example, and it gives what it says."""
    thing = getattr(itp, name)
    text = thing.__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, {"itp": itp, "torch": torch}, name, None, 0)
    assert example.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report: list[str] = []
    runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


FEWER = {"inversion": {"steps": 4}, "ite": {"steps": 8, "warmup": 4}}
"""Steps of the presets that suit small generators, for the example to end soon."""


def test_the_first_page_s_example_runs(small_pocket: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written, with the settings that a user gets but for their steps."""
    for method, changes in FEWER.items():
        for name, value in changes.items():
            for preset in ("small", "prior"):
                monkeypatch.setitem(presets.table()[preset][method], name, value)
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    names = {"picture": torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1}
    exec(compile(block[1], "README.md", "exec"), names)  # noqa: S102
    assert len(names["result"].history) == FEWER["ite"]["steps"]
    assert names["image"].shape[:2] == (1, 3) and bool(torch.isfinite(names["image"]).all())
