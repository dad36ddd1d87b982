"""Damaged and hostile files: `verify` says what is wrong with each, and opens nothing that they name."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import stand_ins

from itportrait_core.checkpoints.format import save_generator
from itportrait_core.errors import ITPortraitError
from itportrait_core.methods.shared.portrait import sample_portrait
from itportrait_core.recipes import carriers
from itportrait_core.recipes.card import Card, describe_weights, parse, versions
from itportrait_core.recipes.notes import make_notes
from itportrait_core.recipes.verify import verify
from itportrait_core.rendering import cameras

PIXELS = torch.zeros(32, 32, 3, dtype=torch.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generator(stand_ins.generator(), tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="module")
def card(weights: Path) -> Card:
    person = sample_portrait(stand_ins.generator(), 1)
    facts = describe_weights(weights)
    return Card("picture", facts, {}, {}, versions(), person.ws, cameras.front().float())


def png(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "x.png"
    file.write_bytes(carriers.png_bytes(PIXELS, {carriers.KEY: text}))
    return file


def tensor(shape: list[int], data: str = "AAAA", kind: str = "<f4") -> dict[str, Any]:
    return {"shape": shape, "type": kind, "base64": data}


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{", "17", '"x"', "[" * 100_000, '{"format": 2}', '{"format": "1"}', "NaN", "\x00"],
    ids=repr,
)
def test_what_is_no_card_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ITPortraitError):
        verify(png(tmp_path, text))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "program"),
        ("kind", ["picture"]),
        ("weights", "tiny"),
        ("settings", None),
        ("view", True),
        ("view", 3),
        ("view", -1),
        ("proof", 7),
        ("ws", None),
        ("ws", 5),
        ("ws", tensor([1, 8, 16])),
        ("ws", tensor([10**9, 10**9, 10**9])),
        ("ws", tensor([-1, -1, 1])),
        ("ws", tensor([1, 1, 1], "////////")),
        ("ws", tensor([1, 1, 1], "AADAfw==")),
        ("ws", tensor([1, 1, 1], "AACAPw==", "|O")),
        ("ws", tensor([1, 1, 1], "AACAPw==")),
        ("ws", {"shape": "abc", "type": "<f4", "base64": 4}),
        ("cameras", None),
        ("cameras", tensor([1, 1], "AACAPw==")),
    ],
    ids=str,
)
def test_a_card_with_a_wrong_part_is_refused(
    tmp_path: Path, card: Card, weights: Path, field: str, value: object
) -> None:
    facts = {**json.loads(card.to_json()), field: value}
    with pytest.raises(ITPortraitError):
        verify(png(tmp_path, json.dumps(facts)), [weights])


@pytest.mark.parametrize(
    "settings",
    [
        {"resolution": 4096},
        {"resolution": "x"},
        {"resolution": 1e9},
        {"shell": "rm"},
        {"resolution": 32, "points_per_chunk": 0},
        {"resolution": 32, "points_per_chunk": "x"},
        {"resolution": 32, "level": "high"},
        {"resolution": 32, "level": 1e30},
    ],
    ids=str,
)
def test_impossible_mesh_settings_are_refused(
    tmp_path: Path, card: Card, weights: Path, settings: dict[str, Any]
) -> None:
    text = dataclasses.replace(card, kind="mesh", settings=settings).to_json()
    file = glb(tmp_path, {"asset": {"extras": {carriers.KEY: text}}}, b"")
    with pytest.raises(ITPortraitError):
        verify(file, [weights])


def test_paths_in_a_card_are_never_opened(
    tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that names a file elsewhere gets a search by hash, not that file."""
    secret = tmp_path / "secret.safetensors"
    secret.write_bytes(b"not to be read")
    facts = {**card.weights, "file": str(secret), "content": "0" * 64}
    file = tmp_path / "in" / "x.png"
    file.parent.mkdir()
    file.write_bytes(png(tmp_path, dataclasses.replace(card, weights=facts).to_json()).read_bytes())
    opened: list[str] = []
    real = Path.open

    def spy(self: Path, *arguments: Any, **more: Any) -> Any:
        opened.append(str(self))
        return real(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", spy)
    assert not verify(file).holds
    assert str(secret) not in opened


def glb(tmp_path: Path, document: Any, binary: bytes) -> Path:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    data = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    )
    file = tmp_path / "x.glb"
    file.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(data)) + data)
    return file


def lying_glb(json_size: int, length: int) -> bytes:
    return struct.pack("<4sII", b"glTF", 2, length) + struct.pack("<I4s", json_size, b"JSON") + b"{}  "


BOMB = zlib.compress(b"0" * (64 << 20))


def text_bomb() -> bytes:
    """A PNG whose compressed text grows to 64 MiB."""
    plain = carriers.png_bytes(PIXELS, {})
    body = b"zTXt" + carriers.KEY.encode() + b"\0\0" + BOMB
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return plain[:33] + chunk + plain[33:]


DAMAGED = {
    "empty.png": b"",
    "signature.png": b"\x89PNG\r\n\x1a\n",
    "cut.png": carriers.png_bytes(PIXELS, {carriers.KEY: "{}"})[:60],
    "bomb.png": text_bomb(),
    "huge.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    + struct.pack(">II", 2**31 - 1, 2**31 - 1)
    + b"\x08\2\0\0\0"
    + b"\0" * 4,
    "empty.glb": b"glTF",
    "lies.glb": lying_glb(2**32 - 1, 2**32 - 1),
    "short.glb": lying_glb(4, 24),
    "list.glb": struct.pack("<4sII", b"glTF", 2, 24) + struct.pack("<I4s", 4, b"JSON") + b"[]  ",
    "empty.safetensors": b"",
    "long.safetensors": struct.pack("<Q", 2**63) + b"{}",
    "list.safetensors": struct.pack("<Q", 2) + b"[]",
    "deep.safetensors": struct.pack("<Q", 90_000) + b"[" * 90_000,
    "note.safetensors": struct.pack("<Q", 22) + b'{"__metadata__": "abc"}'[:22],
    "script.py": b"raise SystemExit(3)",
    "pickle.pkl": b"cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(DAMAGED[name])
    with pytest.raises(ITPortraitError, match=name):
        verify(file)


def test_a_card_in_damaged_weights_is_refused(tmp_path: Path, weights: Path, card: Card) -> None:
    file = tmp_path / "cut.safetensors"
    file.write_bytes(weights.read_bytes())
    own = dataclasses.replace(card, kind="generator", thumbnail=PIXELS)
    carriers.attach(file, make_notes(own, None, None, private=False))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ITPortraitError, match="damaged"):
        verify(file)


def test_attaching_to_a_damaged_file_leaves_it_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"abc")
    with pytest.raises(ITPortraitError, match="damaged"):
        carriers.attach(file, {"a": "b"})
    assert file.read_bytes() == b"abc" and list(tmp_path.iterdir()) == [file]


def test_hostile_texts_survive_as_texts(tmp_path: Path, card: Card) -> None:
    """Strange strings come back as they were from every carrier."""
    strange = '"]}\u0000</script>\U0001f600 ${x} %s ..\\..\\ ' * 20
    text = dataclasses.replace(card, person={"note": strange}).to_json()
    for file in (png(tmp_path, text), glb(tmp_path, {"asset": {"extras": {carriers.KEY: text}}}, b"")):
        assert parse(carriers.read_notes(file)[carriers.KEY]).person == {"note": strange}
