"""Crafted files of our own kinds: refused in words, before they cost anything."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness import stand_ins
from safetensors.torch import load_file, save_file

from itportrait_core.checkpoints import plain_json
from itportrait_core.checkpoints.format import load_generator, load_model, read_header, save_generator
from itportrait_core.checkpoints.pickle_limits import RefusedPickle
from itportrait_core.checkpoints.pickle_numpy import DType, StoredArray, fill_array
from itportrait_core.errors import DamagedFile, ITPortraitError
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.methods.shared.history import History
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.run import StepInfo, run
from itportrait_core.methods.style.style_file import load_style, save_style
from itportrait_core.recipes.card import parse
from itportrait_core.rendering import cameras
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from itportrait_core.rendering.splat import SplatConfig, sample_splats
from itportrait_core.rendering.views import render_views
from tests.core.crafted import bomb

ODD: list[Any] = [
    None, 5, "x", [], [5], {}, {"a": []}, True, {"facts": []},
    {"kind": "portrait", "version": "1", "facts": 3},
    {"kind": "portrait", "version": "1", "facts": {"history": [5]}},
    {"kind": "portrait", "version": "1", "facts": {"history": 5}},
    {"kind": "portrait", "version": "1", "facts": {"history": [{"step": "x"}]}},
    {"kind": "portrait", "version": "1", "facts": {"report": []}},
    {"kind": "portrait", "version": "9", "facts": {}},
    {"kind": ["portrait"], "version": "1", "facts": {}},
]  # fmt: skip
"""Notes in place of a portrait's own."""


@pytest.fixture
def generator() -> Any:
    return stand_ins.generator().eval().requires_grad_(False)


def with_note(path: Path, text: str) -> Path:
    """The file with another note of ours."""
    save_file(load_file(path), path, {"itportrait": text})
    return path


@pytest.mark.parametrize("note", [*map(json.dumps, ODD), "[" * 10_000 + "]" * 10_000, "{", "NaN", "1e999"])
def test_portraits_with_odd_notes_are_refused(tmp_path: Path, generator: Any, note: str) -> None:
    path = sample_portrait(generator, 1).save(tmp_path / "p.safetensors")
    with pytest.raises(ITPortraitError):
        Portrait.load(with_note(path, note))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": torch.zeros(1)},
        {"ws": torch.zeros(3)},
        {"ws": torch.full((1, 8, 16), math.nan)},
        {"camera": torch.zeros(1, 24)},
        {"image": torch.zeros(1, 3, 8)},
        {"image": torch.zeros(1, 3, 8, 8, dtype=torch.int64)},
        {"twin": torch.zeros(2)},
        {"report": torch.zeros(1)},
    ],
    ids=str,
)
def test_portraits_with_odd_tensors_are_refused(
    tmp_path: Path, generator: Any, change: dict[str, torch.Tensor]
) -> None:
    path = sample_portrait(generator, 1).save(tmp_path / "p.safetensors")
    note = json.dumps({"kind": "portrait", "version": "1", "facts": {}})
    save_file(load_file(path) | change, path, {"itportrait": note})
    with pytest.raises(ITPortraitError):
        Portrait.load(path)


@pytest.mark.parametrize("values", [5, "x", [5], [{}], [{"step": 1}], [None], {"step": 1}])
def test_histories_that_are_none_are_refused(values: Any) -> None:
    with pytest.raises(DamagedFile, match="history"):
        History.from_json(values)


@pytest.mark.parametrize(
    "tensors",
    [
        bomb("decoder.net.0.weight", 60_000, 60_000),  # 120 KB that would multiply to 14 GB
        bomb("unknown.weight", 8, 8),
        {"full.decoder.net.0.bias": torch.zeros(3)},
        {"full.unknown": torch.zeros(3)},
        {"odd": torch.zeros(3)},
        {
            "left.decoder.net.0.weight": torch.zeros(8, 1, dtype=torch.int8),
            "scale.decoder.net.0.weight": torch.ones(1),
        },
        {"full.decoder.net.0.bias": torch.full((8,), math.inf)},
    ],
    ids=lambda tensors: next(iter(tensors)),
)
def test_style_files_that_do_not_fit_their_base_cost_nothing(
    tmp_path: Path, generator: Any, tensors: dict[str, torch.Tensor]
) -> None:
    path = save_style(generator, generator, tmp_path / "s.safetensors")
    with open(path, "rb") as file:
        note = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]["itportrait"]
    save_file(tensors, path, {"itportrait": note})
    with pytest.raises(DamagedFile):
        load_style(path, generator)


@pytest.mark.parametrize(
    "change",
    [
        {"w_dim": 2147483648},
        {"z_dim": 65536, "w_dim": 65536},
        {"backbone_resolution": 1099511627776},
        {"mapping_layers": 1000000000},
        {"w_dim": "x"},
        {"w_dim": None},
        {"w_dim": -5},
        {"w_dim": 1.5},
        {"w_dim": True},
        {"rendering": "x"},
        {"rendering": [1]},
        {"superresolution": {"channels": [4]}},
        {"superresolution": {"channels": ["a", "b"]}},
        {"plane_axes": [[0, 9], [0, 9], [0, 9]]},
        {"plane_axes": 5},
        {"rendering": {"superresolution_noise_mode": "loud"}},
        {"rendering": {"depth_resolution": 1000000}},
        {"rendering": {"avg_camera_pivot": [1]}},
        {"conv_clamp": [1]},
        {"channel_base": 0},
    ],
    ids=str,
)
def test_settings_that_make_no_network_are_refused_before_memory_is_taken(
    tmp_path: Path, generator: Any, change: dict[str, Any]
) -> None:
    """A header of some kilobytes must not ask for gigabytes."""
    path = save_generator(generator, tmp_path / "g.safetensors")
    header = read_header(path)
    config = json.dumps({**header.config, **change})
    save_file(
        load_file(path), path, {"family": "eg3d", "format_version": "1", "config": config, "lineage": "{}"}
    )
    with pytest.raises(ITPortraitError):
        load_model(path)


@pytest.mark.parametrize("text", ['"x"', "[]", "5", "null", "{", '{"a": NaN}'])
@pytest.mark.parametrize("field", ["config", "lineage"])
def test_headers_that_are_no_objects_are_refused(
    tmp_path: Path, generator: Any, field: str, text: str
) -> None:
    path = save_generator(generator, tmp_path / "g.safetensors")
    notes = {"family": "eg3d", "format_version": "1", "config": json.dumps(read_header(path).config)}
    save_file(load_file(path), path, {**notes, field: text})
    with pytest.raises(ITPortraitError):
        load_generator(path)


@pytest.mark.parametrize(
    "lineage",
    [{"recipe": [1]}, {"recipe": {"base": 5}}, {"recipe": {"text": []}}, {"history": {}}, {"parent": "x"},
     {"styles": 5}, {"text": 5}, {"method": None}],
    ids=str,
)  # fmt: skip
def test_lineages_of_another_kind_are_refused(tmp_path: Path, generator: Any, lineage: Any) -> None:
    path = save_generator(generator, tmp_path / "g.safetensors", lineage)
    with pytest.raises(DamagedFile, match="lineage"):
        load_generator(path)
    path = save_style(stand_ins.generator(seed=9), generator, tmp_path / "s.safetensors", lineage=lineage)
    with pytest.raises(DamagedFile, match="lineage"):
        load_style(path, generator)


def test_a_difference_that_leaves_the_numbers_on_its_base_is_refused(tmp_path: Path, generator: Any) -> None:
    """Every number in the file is finite; their product is not."""
    path, name = tmp_path / "s.safetensors", "superresolution.block1.conv1.weight"
    rows, columns = generator.state_dict()[name].flatten(1).shape
    with save_style(generator, generator, path).open("rb") as file:
        note = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
    whole = {
        part: torch.full((side, 1), 127, dtype=torch.int8)
        for part, side in (("left", rows), ("right", columns))
    }
    save_file(
        {f"{part}.{name}": value for part, value in whole.items()} | {f"scale.{name}": torch.tensor([3e38])},
        path,
        note,
    )
    with pytest.raises(DamagedFile, match="not finite"):
        load_style(path, generator)


def test_a_difference_too_large_for_half_precision_keeps_its_type(tmp_path: Path, generator: Any) -> None:
    style = stand_ins.generator(seed=9).requires_grad_(False)
    style.decoder.net[0].bias[0] = 1e6
    again = load_style(save_style(style, generator, tmp_path / "s.safetensors"), generator)
    assert float(again.decoder.net[0].bias[0]) == pytest.approx(1e6, rel=1e-3)


DRAWN: dict[str, Any] = {
    "picture": lambda g, person: render_views(g, person.ws, cameras.front()),
    "person": lambda g, person: sample_portrait(g, 3),
    "mesh": lambda g, person: extract_mesh(g, person.ws, MeshConfig(resolution=32)),
    "splats": lambda g, person: sample_splats(g, person.ws, SplatConfig(resolution=32)),
    "live head": lambda g, person: pack([Style("s", g, "")], [Person("p", person.ws)]),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_weights_that_are_finite_and_far_too_large_draw_nothing(generator: Any, draw: Any) -> None:
    """Their planes leave the numbers: an error, and no picture of NaN."""
    person = sample_portrait(generator, 1)
    generator.backbone.synthesis.b4.const.fill_(3e38)
    for weight in generator.backbone.synthesis.parameters():
        weight.mul_(1e20)
    with pytest.raises(ITPortraitError, match="not finite"):
        draw(generator, person)


def test_weights_with_nan_are_neither_saved_nor_loaded(tmp_path: Path) -> None:
    generator = stand_ins.generator()
    path = save_generator(generator, tmp_path / "g.safetensors")
    state = load_file(path)
    state["decoder.net.0.bias"][0] = math.nan
    header = read_header(path)
    notes = {"family": "eg3d", "format_version": "1", "config": json.dumps(header.config)}
    save_file(state, path, notes)
    with pytest.raises(DamagedFile, match=r"decoder\.net\.0\.bias.*not finite"):
        load_generator(path)
    with torch.no_grad():
        generator.decoder.net[0].bias[0] = math.nan
    with pytest.raises(ITPortraitError, match="not finite"):
        save_generator(generator, tmp_path / "n.safetensors")
    assert not (tmp_path / "n.safetensors").exists()


class Diverging:
    """A task whose loss leaves the numbers at step 3."""

    total = 6

    def __init__(self) -> None:
        self.steps = 0

    def step(self, index: int) -> StepInfo:
        self.steps = index + 1
        loss = math.nan if index == 3 else 1.0
        return StepInfo({"lpips": loss}, lambda: torch.zeros(1, 3, 2, 2))

    def finished(self) -> bool:
        return False

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        return {"steps": torch.tensor(float(self.steps))}, {"steps": self.steps}

    def restore(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
        self.steps = facts["steps"]

    def identity(self) -> str:
        return "diverging"


def test_a_training_that_diverges_stops_and_keeps_its_last_good_state(tmp_path: Path) -> None:
    point = tmp_path / "run.resume"
    with pytest.raises(ITPortraitError, match=r"loss 'lpips' is nan at step 4.*Lower the step size"):
        run(Diverging(), resume=point, every_steps=1)
    again = Diverging()
    with pytest.raises(ITPortraitError, match="step 4"):
        run(again, resume=point, every_steps=1)
    assert again.steps == 4 and point.is_file()


@pytest.mark.parametrize("damage", ["cut", "facts", "tensors", "done"])
def test_a_damaged_resume_point_is_set_aside_and_the_run_begins_anew(tmp_path: Path, damage: str) -> None:
    """A cut-off point must not block its recipe for ever."""

    class Fine(Diverging):
        def step(self, index: int) -> StepInfo:
            super().step(index)
            return StepInfo({"lpips": 1.0}, lambda: torch.zeros(1, 3, 2, 2))

    from itportrait_core.methods.shared.storage import write_tensors

    point, task = tmp_path / "run.resume", Fine()
    facts: dict[str, Any] = {"done": 3, "run": "diverging", "task": {"steps": 3}}
    facts |= {"facts": {"task": {}}, "done": {"done": 99}}.get(damage, {})
    write_tensors(point, "portrait" if damage == "tensors" else "resume", {"steps": torch.ones(1)}, facts)
    if damage == "cut":
        point.write_bytes(point.read_bytes()[:-2])
    if damage == "tensors":
        with pytest.raises(ITPortraitError, match="not a resume file"):
            run(task, resume=point)
        return
    assert run(task, resume=point).steps == 6 and task.steps == 6
    assert [path.suffix for path in tmp_path.iterdir()] == [".damaged"]


def test_arrays_of_another_size_than_their_bytes_are_refused() -> None:
    """A pickled numpy array must hold exactly the bytes of its shape."""
    kind = DType("f4", np.dtype("<f4"))
    for shape in ((3,), (1,), (2, 2), (2**62, 4), (0,)):
        with pytest.raises(RefusedPickle):
            fill_array(StoredArray(), (1, shape, kind, False, memoryview(bytes(8))))
    array = StoredArray()
    fill_array(array, (1, (2,), kind, False, memoryview(bytes(8))))
    assert array.array().shape == (2,)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_cards_with_numbers_that_are_not_finite_are_refused(number: str) -> None:
    plain = {"format": 1, "kind": "portrait", "weights": {}, "person": {"psnr": 0}, "settings": {}}
    text = json.dumps({**plain, "versions": {}, "view": 0, "proof": ""})
    assert parse(text).person == {"psnr": 0}
    with pytest.raises(DamagedFile, match="not finite"):
        parse(text.replace('"psnr": 0', f'"psnr": {number}'))


@pytest.mark.parametrize("part", ["{},", "[],", '{"":1},', '[""],'])
def test_json_that_would_take_much_memory_or_is_deep_is_refused(part: str) -> None:
    """Twelve megabytes of small objects take hundreds; a hundred levels are more than any note has."""
    with pytest.raises(DamagedFile, match="MB of memory"):
        plain_json.parse(f"[{part * (12_000_000 // len(part))}0]", "The note")
    assert plain_json.parse("[" * 100 + "]" * 100, "The note")
    with pytest.raises(DamagedFile, match="100 levels"):
        plain_json.parse("[" * 102 + "]" * 102, "The note")


def test_whole_numbers_that_no_float_holds_are_refused() -> None:
    assert plain_json.parse(f"[{10**300}]", "The note")
    with pytest.raises(DamagedFile, match="bits"):
        plain_json.parse(f"[{10**310}]", "The note")
