"""Files of every kind, mutated: each is read, or refused in words; none costs much."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import stand_ins
from harness.official_files import eg3d_generator, rosinality_state, write_snapshot

from itportrait_core.checkpoints.format import load_model, save_generator
from itportrait_core.checkpoints.official import find_networks
from itportrait_core.checkpoints.torch_files import read_checkpoint, read_whole
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.storage import read_tensors, write_tensors
from itportrait_core.methods.style.style_file import load_style, save_style
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import parse
from itportrait_core.recipes.drawing import generator_card
from itportrait_core.rendering.glb import glb_bytes
from itportrait_core.rendering.mesh import MeshConfig, extract_mesh
from itportrait_core.rendering.ply import ply_bytes
from itportrait_core.rendering.splat import SplatConfig, sample_splats
from tests.core.tiny_official import CARS, INIT, save
from tests.trust.counts import SEED, count, tally

SLOWEST = 60.0
"""Seconds that one file may take on a busy machine; the bound of five is for a quiet one."""


def notes_of(path: Path) -> None:
    for text in carriers.read_notes(path).values():
        if text.startswith('{"cameras"'):
            parse(text)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Callable[[Path], Any]]:
    """One good file of every kind, and how it is read."""
    folder = tmp_path_factory.mktemp("good")
    generator = stand_ins.generator().eval().requires_grad_(False)
    weights = save_generator(generator, folder / "weights.safetensors")
    person = sample_portrait(generator, 1)
    card = generator_card(weights, {}).to_json()
    carriers.attach(weights, {carriers.KEY: card})
    picture = folder / "picture.png"
    picture.write_bytes(carriers.png_bytes(torch.zeros(32, 32, 3, dtype=torch.uint8), {carriers.KEY: card}))
    mesh = extract_mesh(generator, person.ws, MeshConfig(resolution=32, level=0.0))
    (folder / "mesh.glb").write_bytes(glb_bytes(mesh, {carriers.KEY: card}))
    splats = sample_splats(generator, person.ws, SplatConfig(resolution=32))
    (folder / "head.ply").write_bytes(ply_bytes(splats, {carriers.KEY: card}))
    point = write_tensors(folder / "run.resume", "resume", {"a": torch.zeros(3)}, {"done": 1, "task": {}})
    pickle = write_snapshot(folder / "net.pkl", G_ema=eg3d_generator(EG3DGenerator(CARS, seed=3), INIT))
    archive = save(folder / "photo.pt", {"g_ema": rosinality_state(8, w_dim=8, width=4)})
    return {
        weights: load_model,
        person.save(folder / "person.safetensors"): Portrait.load,
        save_style(generator, generator, folder / "style.safetensors"): lambda path: load_style(path,
        generator),
        point: lambda path: read_tensors(path, "resume"),
        picture: lambda path: (notes_of(path), carriers.png_pixels(path)),
        folder / "mesh.glb": notes_of,
        folder / "head.ply": notes_of,
        pickle: lambda path: find_networks(read_checkpoint(read_whole(path))),
        archive: lambda path: find_networks(read_checkpoint(read_whole(path))),
    }  # fmt: skip


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The bytes with some changed, cut, doubled, or replaced by others of the same file; often in the
    header."""
    out = bytearray(data)
    reach = len(out) if dice.random() < 0.3 else min(len(out), 4096)
    for _ in range(dice.randint(1, 5)):
        place, how = dice.randrange(max(reach, 1)), dice.random()
        if how < 0.5 and out:
            out[place % len(out)] = dice.randrange(256)
        elif how < 0.7 and out:
            out[place % len(out)] = dice.choice(b'0123456789[]{}",:-eE')
        elif how < 0.8:
            del out[place : place + dice.randint(1, 64)]
        elif how < 0.9:
            out[place:place] = out[place : place + dice.randint(1, 64)]
        else:
            del out[dice.randrange(max(len(out), 1)) :]
    return bytes(out)


def test_mutated_files_are_read_or_refused(kinds: dict[Path, Callable[[Path], Any]], tmp_path: Path) -> None:
    dice = random.Random(SEED)
    with tally("mutated files") as line:
        for number in range(count("mutated files")):
            good = dice.choice(list(kinds))
            path = tmp_path / f"mutated{good.suffix}"
            path.write_bytes(mutated(good.read_bytes(), dice))
            start = time.monotonic()
            try:
                kinds[good](path)
            except ITPortraitError:
                pass
            except Exception as error:
                line.failures.append(f"{number} {good.name}: {type(error).__name__} {error!s:.100}")
            took = time.monotonic() - start
            line.done, line.slowest = line.done + 1, round(max(line.slowest, took), 2)
            if took > SLOWEST:
                line.failures.append(f"{number} {good.name}: {took:.1f} s")
