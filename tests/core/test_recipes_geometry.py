"""Recipe cards of meshes and splats: the head is made again, and every field of the file is judged."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import stand_ins

from itportrait_core.checkpoints.format import save_generator
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import Card, describe_weights, versions
from itportrait_core.recipes.notes import make_notes
from itportrait_core.recipes.verdict import CLOSE, DIFFERENT, IDENTICAL, Verdict
from itportrait_core.recipes.verify import verify
from itportrait_core.rendering.glb import glb_bytes, linear_to_srgb, srgb_to_linear
from itportrait_core.rendering.mesh import Mesh, MeshConfig, extract_mesh
from itportrait_core.rendering.ply import PLY_END, ply_bytes
from itportrait_core.rendering.splat import SplatConfig, sample_splats


class Head:
    """A head as a file of one kind beside the weights that made it."""

    def __init__(self, kind: str, folder: Path) -> None:
        generator = stand_ins.generator().eval().requires_grad_(False)
        self.weights = save_generator(generator, folder / "tiny.safetensors")
        self.file = folder / ("head.glb" if kind == "mesh" else "head.ply")
        ws = sample_portrait(generator, 4, truncation=0.8).ws
        config: Any = MeshConfig(resolution=32, level=0.0) if kind == "mesh" else SplatConfig(resolution=32)
        self.made: Any = (extract_mesh if kind == "mesh" else sample_splats)(generator, ws, config)
        facts = describe_weights(self.weights), {}, dataclasses.asdict(config), versions(), ws
        self.notes = make_notes(Card(kind, *facts), {}, {}, private=False)

    def judged(self, **changed: torch.Tensor) -> Verdict:
        """The verdict on the file with some fields changed."""
        head = dataclasses.replace(self.made, **changed)
        self.file.write_bytes((glb_bytes if isinstance(head, Mesh) else ply_bytes)(head, self.notes))
        return verify(self.file, [self.weights])


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Head:
    return Head("mesh", tmp_path_factory.mktemp("mesh"))


@pytest.fixture(scope="module")
def splats(tmp_path_factory: pytest.TempPathFactory) -> Head:
    return Head("splats", tmp_path_factory.mktemp("splats"))


def test_a_mesh_is_made_again(mesh: Head) -> None:
    assert mesh.judged().result == IDENTICAL
    fewer = mesh.judged(faces=mesh.made.faces[1:])
    assert fewer.result == DIFFERENT and "the file has others" in fewer.facts[-1]


def test_splats_are_sampled_again(splats: Head) -> None:
    assert splats.judged().result == IDENTICAL
    data = splats.file.read_bytes()
    assert carriers.read_notes(splats.file) == splats.notes
    start = data.index(PLY_END) + len(PLY_END)
    splats.file.write_bytes(data[:start] + data[start + 68 :])
    assert verify(splats.file, [splats.weights]).result == DIFFERENT


def test_files_of_the_first_version_are_still_judged(splats: Head) -> None:
    """They are not turned, and hold their notes as comments of the header."""
    data = ply_bytes(splats.made, y_down=False)
    text = splats.notes[carriers.KEY]
    parts = [text[start : start + 800] for start in range(0, len(text), 800)]
    comments = "".join(f"comment {carriers.KEY} {part}\n" for part in parts).encode()
    splats.file.write_bytes(data.replace(b"element vertex", comments + b"element vertex", 1))
    assert carriers.read_notes(splats.file)[carriers.KEY] == text
    assert verify(splats.file, [splats.weights]).result == IDENTICAL


MESH_CHANGES = {
    "places": ("vertices", lambda v: v + 1e-4, lambda v: v * 1.1),
    "normals": ("normals", lambda n: n + 1e-3, lambda n: -n),
    "colours": ("colors", lambda c: (c + 0.3 / 255).clamp(0, 1), lambda c: 1 - c),
    "corners of triangles": ("faces", None, lambda f: f.flip(1)),
}
SPLAT_CHANGES = {
    "places": ("centers", lambda p: p + 1e-4, lambda p: p + 0.1),
    "normals": ("normals", lambda n: n + 1e-3, lambda n: n.roll(1, 1)),
    "colours": ("colors", lambda c: c + 0.3 / 255, lambda c: c.flip(1)),
    "opacities": ("opacities", lambda o: o * 0.999, lambda o: o / 2),
    "scales": ("scales", lambda s: s * 1.001, lambda s: s * 2),
    "rotations": ("rotations", lambda r: r + 1e-3, lambda r: r.roll(1, 1)),
}


@pytest.mark.parametrize("field", MESH_CHANGES)
def test_every_field_of_a_mesh_is_judged(mesh: Head, field: str) -> None:
    check_field(mesh, field, *MESH_CHANGES[field])


@pytest.mark.parametrize("field", SPLAT_CHANGES)
def test_every_field_of_splats_is_judged(splats: Head, field: str) -> None:
    check_field(splats, field, *SPLAT_CHANGES[field])


def check_field(head: Head, field: str, name: str, small: Any, large: Any) -> None:
    """A change as small as another processor's passes; a large one differs, and its field is named.

    `small` is None where no change is small.
    """
    values = getattr(head.made, name)
    for change, result in ((small, CLOSE), (large, DIFFERENT)):
        if change is not None:
            verdict = head.judged(**{name: change(values)})
            assert verdict.result == result, verdict.facts
            assert verdict.facts[-1].startswith(f"{field} differ by") and ";" not in verdict.facts[-1]


def test_one_painted_vertex_is_seen(mesh: Head) -> None:
    """A single spot cannot hide in the mean."""
    colors = mesh.made.colors.clone()
    colors[7] = (colors[7] + 0.5) % 1.0
    assert mesh.judged(colors=colors).result == DIFFERENT


def test_numbers_that_are_none_differ(splats: Head) -> None:
    scales = splats.made.scales.clone()
    scales[0, 0] = float("nan")
    assert splats.judged(scales=scales).result == DIFFERENT


def test_light_and_srgb_are_inverse() -> None:
    levels = torch.linspace(0, 1, 256, dtype=torch.float64)
    assert float((linear_to_srgb(srgb_to_linear(levels)) - levels).abs().max()) < 2e-6
