"""Every way in which the pack writes a file, and how a reader knows that the file is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from harness import stand_ins
from harness.official_files import rosinality_state

from itportrait_core.checkpoints import atomic, tensor_file
from itportrait_core.checkpoints.format import content_hash, load_model, save_generator
from itportrait_core.checkpoints.official import import_checkpoint
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.storage import read_tensors, write_tensors
from itportrait_core.methods.style.style_file import load_style, save_style
from itportrait_core.recipes import carriers
from itportrait_core.rendering.glb import glb_bytes
from itportrait_core.rendering.mesh import Mesh
from itportrait_core.rendering.ply import ply_bytes, read_ply
from itportrait_core.rendering.splat import Splats

OLD = "old.safetensors"
"""A file that is there before; writers that replace write it anew."""
NOTES = {"note": "x" * 500}


@dataclass(frozen=True)
class Writer:
    """One way: `write(folder)` makes or replaces a file, `check(path)` fails for one that is not whole."""

    ending: str
    write: Callable[[Path], object]
    check: Callable[[Path], object]


def lay(folder: Path) -> None:
    """What is in a folder before anything is written."""
    tensor_file.write_tensors({"x": torch.zeros(2_000)}, folder / OLD, {"whole": "yes"})


def old_is_whole(folder: Path) -> bool:
    with tensor_file.open_tensors(folder / OLD) as file:
        return file.metadata()["whole"] == "yes" and bool(file.tensors())


def writers(folder: Path) -> dict[str, Writer]:
    """All of them; `folder` gets their sources."""
    generator = stand_ins.generator().eval().requires_grad_(False)
    other = stand_ins.generator(seed=9).eval().requires_grad_(False)
    person = sample_portrait(generator, 1)
    source = folder / "source.pth"
    torch.save({"g_ema": rosinality_state(8, w_dim=8, width=4)}, source)
    points = torch.rand(300, 3)
    mesh = Mesh(points, torch.arange(300).reshape(100, 3), points, points)
    splats = Splats(points, points, points + 0.1, torch.rand(300, 4), points[:, 0], points)
    pixels = torch.randint(0, 255, (64, 64, 3), dtype=torch.uint8)
    html = "<html>" + "x" * 20_000 + "</html>"

    def numbered(ending: str, data: Callable[[], bytes], check: Callable[[Path], object]) -> Writer:
        def write(target: Path) -> None:
            with atomic.reserved(target, "n", ending) as place:
                place.draft.write_bytes(data())

        return Writer(ending, write, check)

    def once(target: Path) -> None:
        with atomic.creating(target / "run.safetensors") as draft:
            save_generator(generator, draft)
            tensor_file.attach(draft, NOTES)

    def sheet(target: Path) -> None:
        with atomic.replacing(target / "sheet.json") as draft:
            draft.write_text(json.dumps({"jobs": list(range(2_000))}), encoding="utf-8")

    return {
        "generator": Writer(
            "g.safetensors", lambda to: save_generator(generator, to / "g.safetensors"), content_hash
        ),
        "portrait": Writer("p.safetensors", lambda to: person.save(to / "p.safetensors"), Portrait.load),
        "style": Writer(
            "s.safetensors",
            lambda to: save_style(other, generator, to / "s.safetensors"),
            lambda path: load_style(path, generator),
        ),
        "resume point": Writer(
            ".resume",
            lambda to: write_tensors(to / "r.resume", "resume", {"x": torch.zeros(9_000)}, {"done": 1}),
            lambda path: read_tensors(path, "resume"),
        ),
        "run": Writer("run.safetensors", once, load_model),
        "import": Writer(
            "i.safetensors", lambda to: import_checkpoint(source, to / "i.safetensors"), content_hash
        ),
        "notes": Writer(OLD, lambda to: tensor_file.attach(to / OLD, {"more": "z" * 60_000}), whole),
        "replaced": Writer(
            OLD,
            lambda to: tensor_file.write_tensors({"x": torch.zeros(9_000)}, to / OLD, {"whole": "yes"}),
            whole,
        ),
        "picture": numbered(".png", lambda: carriers.png_bytes(pixels, NOTES), carriers.png_pixels),
        "mesh": numbered(".glb", lambda: glb_bytes(mesh, NOTES), noted),
        "splats": numbered(
            ".ply", lambda: ply_bytes(splats, NOTES), lambda path: noted(path) or read_ply(path)
        ),
        "live head": numbered(".html", html.encode, lambda path: _ends(path, "</html>")),
        "job sheet": Writer(".json", sheet, lambda path: json.loads(path.read_text(encoding="utf-8"))),
    }


def whole(path: Path) -> None:
    with tensor_file.open_tensors(path) as file:
        file.tensors()


def noted(path: Path) -> None:
    assert carriers.read_notes(path)["note"] == NOTES["note"]


def _ends(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8").rstrip().endswith(text)
