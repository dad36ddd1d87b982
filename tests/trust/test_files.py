"""Files of every kind, mutated: each is read, or refused in words; none costs much."""

from __future__ import annotations

import io
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import stand_ins
from harness.official_files import eg3d_generator, rosinality_state, write_snapshot

from itportrait_core.checkpoints.format import load_model, save_generator, save_model
from itportrait_core.checkpoints.official import find_networks
from itportrait_core.checkpoints.torch_files import read_checkpoint, read_whole
from itportrait_core.errors import ITPortraitError
from itportrait_core.farm.job import Job, Source, Weights
from itportrait_core.farm.sheet import line_of, read_sheet
from itportrait_core.guidance.clip import load_clip
from itportrait_core.guidance.clip_network import ClipNetwork
from itportrait_core.live.pack import Person, Style, pack
from itportrait_core.live.timeline import load_moment, save_moment
from itportrait_core.live.unpack import unpack
from itportrait_core.methods.shared.portrait import Portrait, sample_portrait
from itportrait_core.methods.shared.storage import read_tensors, write_tensors
from itportrait_core.methods.style.relevance import Relevance
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
from tests.trust.counts import SEED, peak, rounds, tally

SLOWEST = 60.0
"""Seconds that one file may take on a busy machine; tests/trust/test_bounds.py has the bound of five."""
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**31, 2**63, 10**400, 1e308, float("nan"), "", "x", "nan", "../x", "\x00"),
    *([], {}, [[]], [5], {"a": [1]}, [1, 2, 3], {"kind": None}, "[" * 200, [[[[[[[[]]]]]]]]),
)
"""Values in place of others."""


def notes_of(path: Path) -> None:
    for text in carriers.read_notes(path).values():
        if text.startswith('{"cameras"'):
            parse(text)


def resume_of(path: Path) -> None:
    assert isinstance(read_tensors(path, "resume")[1], dict)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Callable[[Path], Any]]:
    """One good file of every kind, and how it is read."""
    folder = tmp_path_factory.mktemp("good")
    generator = stand_ins.generator().eval().requires_grad_(False)
    weights = save_generator(generator, folder / "weights.safetensors")
    person = sample_portrait(generator, 1)
    card = generator_card(weights, {}).to_json()
    carriers.attach(weights, {carriers.KEY: card})
    png = carriers.png_bytes(torch.zeros(32, 32, 3, dtype=torch.uint8), {carriers.KEY: card})
    mesh = extract_mesh(generator, person.ws, MeshConfig(resolution=32, level=0.0))
    splats = sample_splats(generator, person.ws, SplatConfig(resolution=32))
    legacy = io.BytesIO()
    torch.save({"state_dict": generator.state_dict()}, legacy, _use_new_zipfile_serialization=False)
    job = Job("text", Weights(), Source("seed", seed=3), text="a beard", changes={"ite": {"tau": 0.5}})
    head = pack([Style("one", generator, "")], [Person("somebody", person.ws)], largest=20_000)
    data: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
        "notes.png": (png, notes_of),
        "pixels.png": (png, carriers.png_pixels),
        "mesh.glb": (glb_bytes(mesh, {carriers.KEY: card}), notes_of),
        "head.ply": (ply_bytes(splats, {carriers.KEY: card}), notes_of),
        "card.json": (card.encode(), lambda path: parse(path.read_bytes().decode("utf-8", "replace"))),
        "legacy.pt": (legacy.getvalue(), lambda path: find_networks(read_checkpoint(read_whole(path)))),
        "head.itplive": (head, lambda path: unpack(path.read_bytes())),
        "jobs.jsonl": (line_of(job).encode(), read_sheet),
    }
    for name, (content, _) in data.items():
        (folder / name).write_bytes(content)
    point = {"a": torch.zeros(3), "rng": torch.get_rng_state()}
    whole = stand_ins._clip(1).config
    small = whole.replace(text_cfg={**whole.text_cfg, "vocab_size": 64})
    pickled = EG3DGenerator(CARS.replace(w_dim=16), seed=3)
    bare = {f"G_ema.{name}": value for name, value in generator.state_dict().items()}
    return {
        weights: load_model,
        person.save(folder / "person.safetensors"): Portrait.load,
        save_style(stand_ins.generator(seed=9), generator, folder / "style.safetensors"): (
            lambda path: load_style(path, generator)
        ),
        write_tensors(folder / "run.resume", "resume", point, {"done": 1, "task": {}}): resume_of,
        save_model(ClipNetwork(small, seed=1), folder / "clip.safetensors", family="clip"): load_clip,
        save_model(stand_ins._encoder(), folder / "encoder.safetensors", family="style_encoder"): load_model,
        save(folder / "photo.pt", {"g_ema": rosinality_state(8, w_dim=8, width=4)}): data["legacy.pt"][1],
        save(folder / "bare.pt", bare): data["legacy.pt"][1],
        write_snapshot(folder / "net.pkl", G_ema=eg3d_generator(pickled, INIT | {"w_dim": 16})): (
            data["legacy.pt"][1]
        ),
        Relevance(torch.eye(16), torch.eye(8), torch.ones(16, 8)).save(folder / "relevance.safetensors"): (
            Relevance.load
        ),
        save_moment(folder / "moment.safetensors", generator, stand_ins.generator(seed=9), {"lineage": {}}): (
            lambda path: load_moment(path, generator)
        ),
        **{folder / name: read for name, (_, read) in data.items()},
    }


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The bytes with some changed, cut, doubled, or, where there is JSON at the start, values replaced."""
    if dice.random() < 0.5:
        changed = with_odd_json(data, dice)
        if changed is not None:
            return changed
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


def with_odd_json(data: bytes, dice: random.Random) -> bytes | None:
    """A file of a JSON header and values, or of JSON alone, with one of them replaced; None for others."""
    starts = {b"glTF": (12, 20, 4), b"ITPL": (8, 12, 4)}
    place, start, width = starts.get(data[:4], (0, 8, 8))
    if data[:1] == b"{":
        return json.dumps(with_odd_value(json.loads(data), dice)).encode()
    size = int.from_bytes(data[place : place + width], "little")
    if data[start : start + 1] != b"{" or start + size > len(data):
        return None
    header = json.dumps(with_odd_value(json.loads(data[start : start + size]), dice)).encode()
    return (
        data[:place]
        + len(header).to_bytes(width, "little")
        + data[place + width : start]
        + header
        + data[start + size :]
    )


def with_odd_value(value: Any, dice: random.Random) -> Any:
    """A JSON value with one part at any depth replaced, left out, or under another name; JSON in texts is
    entered."""
    if isinstance(value, str) and value[:1] in ("{", "[") and dice.random() < 0.9:
        try:
            return json.dumps(with_odd_value(json.loads(value), dice))
        except ValueError:
            return dice.choice(ODD)
    if not isinstance(value, dict | list) or not value or dice.random() < 0.1:
        return dice.choice(ODD)
    key = dice.choice(list(value) if isinstance(value, dict) else range(len(value)))  # type: ignore[arg-type]
    rest = {**value} if isinstance(value, dict) else [*value]
    how = dice.random()
    if how < 0.15:
        del rest[key]
    elif how < 0.25 and isinstance(rest, dict):
        rest[f"{key}x"] = rest.pop(key)
    else:
        rest[key] = with_odd_value(value[key], dice)
    return rest


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where mutated files are put: in memory where that is possible, for they are many."""
    memory = Path("/dev/shm", f"itp-trust-{os.getpid()}")
    folder = memory if os.access("/dev/shm", os.W_OK) else tmp_path
    folder.mkdir(exist_ok=True)
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_mutated_files_are_read_or_refused(kinds: dict[Path, Callable[[Path], Any]], place: Path) -> None:
    dice = random.Random(SEED)
    files = [(path, path.read_bytes(), read) for path, read in kinds.items()]
    with tally("mutated files") as line:
        for number in rounds(line):
            good, data, read = dice.choice(files)
            path = place / f"mutated{good.suffix}"
            path.write_bytes(mutated(data, dice))
            start = time.monotonic()
            try:
                read(path)
            except ITPortraitError:
                pass
            except Exception as error:
                line.failures.append(f"{number} {good.name}: {type(error).__name__} {error!s:.100}")
            took = time.monotonic() - start
            line.slowest = round(max(line.slowest, took), 2)
            if took > SLOWEST:
                line.failures.append(f"{number} {good.name}: {took:.1f} s")
        line.megabytes = peak()
