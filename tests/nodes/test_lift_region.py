"""Lift Region as a node, and the nodes that stay inside a region: files, recipes, pictures."""

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


@pytest.fixture(scope="module")
def people(pack: ModuleType, base: Any) -> Any:
    sockets, portraits = part(pack, "nodes.sockets"), part(pack, "itportrait_core.methods.shared.portrait")
    return [sockets.PortraitHandle(portraits.sample_portrait(base.open(), seed)) for seed in (1, 2)]


def lifted(pack: ModuleType, base: Any, person: Any, top: int, **more: Any) -> Any:
    mask = torch.zeros(1, 64, 64)
    mask[:, top : top + 16, 16:48] = 1.0
    node = part(pack, "nodes.region").LiftRegion
    given = {"front": 0.08, "behind": 0.1, "agree": 0.65, "feather": 0.004}
    return node.execute(generator=base, portrait=person, mask=mask, **given, **more).args


def edit(pack: ModuleType, base: Any, people: Any, **more: Any) -> Any:
    given = {"text": "", "strength": 1.0, "disentangle": 0.0, "source_text": "a person"}
    node = part(pack, "nodes.edit_portrait").EditPortrait
    return node.execute(generator=base, before=people[0], after=people[1], **given, **more).args[0]


def picture(pack: ModuleType, handle: Any, person: Any) -> torch.Tensor:
    with torch.no_grad():
        return handle.open().synthesis(person.portrait.ws, person.portrait.camera).image


def test_an_edit_stays_in_the_painted_half_and_in_its_file(pack: ModuleType, base: Any, people: Any) -> None:
    person = people[0]
    with torch.inference_mode():  # as ComfyUI runs nodes
        region, masks = lifted(pack, base, person, 0)
        inside = edit(pack, base, people, region=region)
    assert masks.shape[0] == 1 and float(masks[:, :14].max()) > 0.9 and float(masks[:, 40:].max()) < 0.01
    free = edit(pack, base, people)
    assert inside.path != free.path and inside.lineage["region"] == region.sha256
    assert edit(pack, base, people, region=region).path == inside.path
    plain, wide, made = (picture(pack, one, person) for one in (base, free, inside))
    half = plain.shape[-1] * 5 // 8  # below the mask, its soft edge and super-resolution's reach
    assert torch.equal(made[:, :, half:], plain[:, :, half:])
    change = (made - plain).abs()[:, :, : half // 2].mean()
    assert float(change) > 0.5 * float((wide - plain).abs()[:, :, : half // 2].mean()) > 0
    family = part(pack, "itportrait_core.checkpoints.format").read_header(inside.path).family
    assert family == "region" and part(pack, "nodes.graph_facts")._of_file(inside.path, "x").family == "eg3d"


def test_regions_combine_and_mixtures_and_finished_trainings_stay_inside(
    pack: ModuleType, base: Any, people: Any
) -> None:
    region = lifted(pack, base, people[0], 0)[0]
    node = part(pack, "nodes.region")
    both = lifted(pack, base, people[0], 24, region=region)[0]
    less = lifted(pack, base, people[0], 24, region=both, combine=node.REMOVE)[0]
    common = lifted(pack, base, people[0], 24, region=both, combine=node.COMMON)[0]
    sums = [float(one.region.weights.sum()) for one in (region, both, less, common)]
    assert sums[1] > sums[0] and sums[2] < sums[1] and 0 < sums[3] < sums[1]
    free = edit(pack, base, people)
    strengths = {"shape": 1.0, "texture": 1.0, "decoder": 1.0, "superresolution": 1.0}
    blend = part(pack, "nodes.blend").Blend
    mixed = blend.execute(generator=base, style=free, region=region, **strengths).args[0]
    trained = node.inside(region, base, free)
    pictures = [
        picture(pack, one, people[0]) for one in (mixed, trained, edit(pack, base, people, region=region))
    ]
    assert torch.allclose(pictures[0], pictures[1], atol=1e-4)
    assert torch.allclose(pictures[1], pictures[2], atol=1e-4)
    plain = blend.execute(generator=base, style=free, **strengths).args[0]
    assert plain.config.get("layers") is None and plain.path != mixed.path


def test_what_cannot_hold_a_region_says_so(pack: ModuleType, base: Any, people: Any) -> None:
    error = part(pack, "itportrait_core.errors").ITPortraitError
    inside = edit(pack, base, people, region=lifted(pack, base, people[0], 0)[0])
    itp = part(pack, "itportrait_core")
    with pytest.raises(error, match="use Multi-View Render"):
        part(pack, "itportrait_core.live.pack").check_family(inside.open())
    with pytest.raises(error, match="with a region"):
        itp.save_style(inside.open(), base.open(), "unused.safetensors")
