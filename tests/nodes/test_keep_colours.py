"""The switch of Instant Style: a short training behind it, another file, its steps in the lineage."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import torch


def test_the_switch_makes_another_style(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def part(name: str) -> Any:
        return importlib.import_module(f"{pack.__name__}.{name}")

    itp = part("itportrait_core")
    keep, short = itp.keep_colours, itp.ColourConfig(steps=1)
    monkeypatch.setattr(itp, "keep_colours", lambda base, style, on_step: keep(base, style, short, on_step))
    base = part("nodes.sockets").GeneratorHandle.read(
        part("itportrait_core.checkpoints.embedded").path("generator")
    )
    picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    run = part("nodes.instant").InstantStyle.execute
    plain, kept = (
        run(generator=base, image=picture, strength=1.0, keep_colours=switch).args[0]
        for switch in (False, True)
    )
    assert plain.lineage["method"] == "instant" and kept.lineage["method"] == "colours"
    assert [record["stage"] for record in kept.lineage["history"]] == ["colours"]
