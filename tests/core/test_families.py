"""A family of 3D generators is one folder and one line of the register: nothing else names it."""

from __future__ import annotations

import ast
import dataclasses
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import itportrait_core as itp
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.style.blend import blend
from itportrait_core.networks import families
from itportrait_core.networks.eg3d import FAMILY, EG3DConfig, EG3DGenerator
from tests.core.tiny import same_weights, tiny_generator, tiny_perceptual, tiny_portrait

CORE = Path(families.__file__).parents[1]


class ThirdGenerator(EG3DGenerator):
    family = "third"

    def __init__(self, config: ThirdConfig, seed: int | None = 0) -> None:
        super().__init__(config, seed)
        self.tint = torch.nn.Parameter(torch.zeros(3), requires_grad=False)


@dataclasses.dataclass(frozen=True)
class ThirdConfig(EG3DConfig):
    shade: float = 0.5


@pytest.fixture
def third(monkeypatch) -> ThirdGenerator:
    """A generator of a family that only a module and the register know."""
    module = ModuleType("third")
    official = dataclasses.replace(FAMILY.official, recognise=lambda kwargs: "shade" in kwargs)
    module.FAMILY = dataclasses.replace(
        FAMILY, name="third", config=ThirdConfig, generator=ThirdGenerator, official=official
    )
    monkeypatch.setitem(sys.modules, "itportrait_core.networks.third", module)
    monkeypatch.setattr(families, "NAMES", (*families.NAMES, "third"))
    small = {f.name: getattr(tiny_generator().config, f.name) for f in dataclasses.fields(EG3DConfig)}
    return ThirdGenerator(ThirdConfig(**small, shade=0.25)).eval().requires_grad_(False)


def test_a_third_family_is_saved_loaded_trained_and_blended(third, tmp_path):
    file = itp.save_generator(third, tmp_path / "third.safetensors", {"seed": 0})
    again = itp.load_generator(file)
    assert isinstance(again, ThirdGenerator) and again.config == third.config and same_weights(again, third)
    portrait = tiny_portrait(again)
    style = itp.stylize(again, portrait, itp.APTConfig(steps=1), perceptual=tiny_perceptual())
    assert not same_weights(style, again)
    assert same_weights(blend(again, [style]), style)


def test_a_published_file_belongs_to_the_last_family_that_knows_it(third):
    assert families.recognise({"shade": 1}).name == "third"
    assert families.recognise({"triplane_depth": 3}).name == "panohead"
    assert families.recognise({}).name == "eg3d"
    with pytest.raises(ITPortraitError, match="eg3d, panohead, region, third"):
        families.family("fourth")


def test_no_other_code_names_a_family():
    """Neither by an import nor by a string: what differs between families is asked of the register."""
    named = []
    for file in CORE.rglob("*.py"):
        place = file.relative_to(CORE).as_posix()
        if place.startswith("networks/panohead/") or place == "networks/families.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            imported = isinstance(node, ast.ImportFrom) and "panohead" in (node.module or "")
            if imported or (isinstance(node, ast.Constant) and node.value == "panohead"):
                named.append(f"{place}:{node.lineno}")
    assert named == []
