"""Presets that restate another method: the nodes that they are for take them, the others refuse in words."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOR = {
    "stylegan_nada": "ite", "clipstyler": "ite", "mind_the_gap": "apt", "jojogan": "apt", "3d_adapter": "apt",
    "toonify": "blend",
}  # fmt: skip


def module(pack: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{pack.__name__}.{name}")


def settings_of(pack: ModuleType, preset: str, changes: str = "{}") -> Any:
    return module(pack, "nodes.settings").MethodSettings.execute(preset, changes).args[0]


@pytest.mark.parametrize("preset", FOR)
def test_a_preset_is_taken_by_its_method_and_refused_by_the_others(pack: ModuleType, preset: str) -> None:
    """Nothing trains silently with the settings of a method that nobody chose."""
    configs, errors = (module(pack, f"itportrait_core.{name}") for name in ("methods.configs", "errors"))
    made = settings_of(pack, preset)
    assert made.of(configs.METHODS[FOR[preset]]) == configs.preset(FOR[preset], preset)
    for method in {"inversion", "apt", "ite", "tuning", "blend"} - {FOR[preset]}:
        with pytest.raises(errors.ITPortraitError, match=f"{preset} is no setting of this node"):
            made.of(configs.METHODS[method])
        with pytest.raises(errors.ITPortraitError, match=f"'{method}' to change in {preset}"):
            settings_of(pack, preset, f'{{"{method}": {{}}}}')
    changed = settings_of(pack, preset, f'{{"{FOR[preset]}": {{}}}}')
    assert changed.configs == made.configs


def test_every_restated_method_can_be_chosen_and_its_tooltip_names_it(pack: ModuleType) -> None:
    configs = module(pack, "itportrait_core.methods.configs")
    schema = module(pack, "nodes.settings").MethodSettings.define_schema()
    preset = next(item for item in schema.inputs if item.id == "preset")
    assert set(FOR) == set(configs.RESTATED) <= set(preset.options)
    assert all(f"{name} (" in preset.tooltip for name in FOR)


def test_what_a_text_drives_alone_is_not_coupled(pack: ModuleType) -> None:
    """The published presets go with either mode, as before."""
    errors = module(pack, "itportrait_core.errors")
    ite = module(pack, "itportrait_core.methods.configs").ITEConfig
    made = settings_of(pack, "stylegan_nada")
    assert made.of(ite, "text_only").adaptive_k == 9
    with pytest.raises(errors.ITPortraitError, match="set mode to text_only"):
        made.of(ite, "coupled")
    for mode in ("coupled", "text_only"):
        assert settings_of(pack, "released").of(ite, mode).xi == 35


def test_mix_styles_takes_the_strengths_of_the_settings(pack: ModuleType, monkeypatch: Any) -> None:
    """Before the base is opened; what is made is named by these strengths."""
    blend, facts = module(pack, "nodes.blend"), {}
    monkeypatch.setattr(blend.results, "recipe", lambda *_, **given: facts.update(given) or given)
    monkeypatch.setattr(blend.results, "produce", lambda *_: (None,))

    handle = blend.sockets.GeneratorHandle(Path("base"), "a" * 64, {}, {}, "")
    strengths = {"shape": 0.3, "texture": 0.4, "decoder": 1.0, "superresolution": 1.0}
    blend.Blend.execute(handle, handle, **strengths)
    assert facts["settings"][0]["shape"] == 0.3
    blend.Blend.execute(handle, handle, settings=settings_of(pack, "toonify"), **strengths)
    chosen = facts["settings"][0]
    assert (chosen["shape"], chosen["texture"], chosen["swap_at"]) == (1.0, 0.0, 16)
