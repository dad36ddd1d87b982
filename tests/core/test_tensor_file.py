"""Safetensors files: ours are the library's, the library's are ours, and damage is refused in words."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from itportrait_core.checkpoints import plain_json
from itportrait_core.checkpoints.tensor_file import attach, open_tensors, write_tensors
from itportrait_core.errors import DamagedFile, ITPortraitError

TENSORS = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.tensor([True, False]),
    "half": torch.arange(5).half(),
    "bf": torch.arange(5).bfloat16(),
    "whole": torch.tensor(7),
    "bytes": torch.arange(3, dtype=torch.uint8),
    "none": torch.empty(0, 4),
    "turned": torch.arange(6.0).reshape(2, 3).t(),
}


def same(found: dict[str, torch.Tensor]) -> None:
    assert found.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value)


def test_both_directions_agree_with_the_library(tmp_path: Path) -> None:
    same(load_file(write_tensors(TENSORS, tmp_path / "ours.safetensors", {"note": "x"})))
    theirs = tmp_path / "theirs.safetensors"
    save_file({name: value.contiguous() for name, value in TENSORS.items()}, theirs, {"note": "y"})
    with open_tensors(theirs) as file:
        same(file.tensors())
        assert file.metadata() == {"note": "y"} and file.shape("turned") == (3, 2)


def test_notes_are_attached_without_touching_the_tensors(tmp_path: Path) -> None:
    path = write_tensors(TENSORS, tmp_path / "x.safetensors", {"a": "1", "b": "2"})
    attach(path, {"b": "3", "c": "4"})
    same(load_file(path))
    with open_tensors(path) as file:
        assert file.metadata() == {"a": "1", "b": "3", "c": "4"}


def test_a_file_that_is_cut_while_it_is_read_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """A memory map would end the process with SIGBUS."""
    path = write_tensors({"x": torch.zeros(1 << 20)}, tmp_path / "x.safetensors", {})
    with open_tensors(path) as file:
        with path.open("r+b") as other:
            other.truncate(1 << 12)
        with pytest.raises(DamagedFile, match="cut short while it was read"):
            file.get_tensor("x")


def test_values_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    path = write_tensors({"deep.weight": torch.tensor([0.0, float("nan")])}, tmp_path / "x.safetensors", {})
    with open_tensors(path) as file, pytest.raises(DamagedFile, match=r"deep\.weight.*not finite"):
        file.get_tensor("deep.weight")


GOOD: dict[str, Any] = {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
BAD: list[tuple[str, Any, int]] = [
    ("shape of texts", {"x": {**GOOD["x"], "shape": ["2"]}}, 8),
    ("negative shape", {"x": {**GOOD["x"], "shape": [-2]}}, 8),
    ("shape with a truth value", {"x": {**GOOD["x"], "shape": [True]}}, 4),
    ("shape too large", {"x": {**GOOD["x"], "shape": [2**60]}}, 8),
    ("many dimensions", {"x": {**GOOD["x"], "shape": [1] * 1000 + [2]}}, 8),
    ("three offsets", {"x": {**GOOD["x"], "data_offsets": [0, 8, 8]}}, 8),
    ("offsets backwards", {"x": {**GOOD["x"], "data_offsets": [8, 0]}}, 8),
    ("offsets beyond the end", {"x": {**GOOD["x"], "shape": [4], "data_offsets": [0, 16]}}, 8),
    ("bytes that nobody claims", GOOD, 12),
    ("a hole", {"x": {**GOOD["x"], "data_offsets": [4, 12]}}, 12),
    ("two in one place", {"x": GOOD["x"], "y": GOOD["x"]}, 8),
    ("a list", [GOOD], 8),
    ("an entry that is a text", {"x": "F32"}, 0),
    ("notes that are no texts", {"__metadata__": {"a": 1}, **GOOD}, 8),
    ("notes that are a list", {"__metadata__": [], **GOOD}, 8),
    ("type that is a list", {"x": {**GOOD["x"], "dtype": []}}, 8),
    ("infinite", {"__metadata__": {}, **GOOD, "y": float("inf")}, 8),
]


def raw(text: bytes, values: int = 0) -> bytes:
    return struct.pack("<Q", len(text)) + text + bytes(values)


@pytest.mark.parametrize(("header", "values"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_damaged_headers_are_refused(tmp_path: Path, header: Any, values: int) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw(json.dumps(header).encode(), values))
    with pytest.raises(DamagedFile, match=r"x\.safetensors"):
        open_tensors(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        raw(b"{}")[:9],
        struct.pack("<Q", 2**63) + b"{}",
        raw(b"[" * 10_000 + b"]" * 10_000),
        raw(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        raw(b'{"\xff": 1}'),
        raw(b"{" + b'"a":1,' * 10),
        raw(b"[]," * ((plain_json.LONGEST // 3) + 1)),
        b"<html>not found</html>",
    ],
)
def test_what_is_no_header_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(DamagedFile):
        open_tensors(path)


def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    """A hundred thousand more run with `tests/run.py --trust`."""
    dice = random.Random(7)
    path = write_tensors(TENSORS, tmp_path / "x.safetensors", {"note": "abc"})
    whole = path.read_bytes()
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
        try:
            with open_tensors(path) as file:
                file.tensors()
        except ITPortraitError:
            pass
